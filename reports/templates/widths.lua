-- LaTeX and Typst fit wide tables badly without widths: give them widths by their longest cells, and by their longest
-- words, which a narrow column can't break. In Typst a line that announces code, a table, a list or a formula
-- stays with it.
local stringify = pandoc.utils.stringify

local function wanted(text)
  local word = 0
  for part in text:gmatch("%S+") do word = math.max(word, #part) end
  return math.max(math.min(#text + 6, 50), 2 * math.min(word, 25))
end

function Table(tbl)
  local longest = {}
  local function see(row)
    for k, cell in ipairs(row.cells) do
      longest[k] = math.max(longest[k] or 9, wanted(stringify(cell.contents)))
    end
  end
  for _, row in ipairs(tbl.head.rows) do see(row) end
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do see(row) end
  end
  local total = 0
  for _, width in ipairs(longest) do total = total + width end
  if total > 75 then
    for k, spec in ipairs(tbl.colspecs) do tbl.colspecs[k] = {spec[1], longest[k] / total} end
  end
  return tbl
end

local function announces(block, after)
  local formula = after.t == "Para" and #after.content == 1 and after.content[1].mathtype == "DisplayMath"
  local shown = (after.t == "CodeBlock" or after.t == "Table" or after.t == "BulletList") and stringify(block):sub(-1) == ":"
  return block.t == "Para" and (formula or shown)
end

function Blocks(blocks)
  if FORMAT ~= "typst" then return nil end
  local kept = pandoc.Blocks({})
  for k, block in ipairs(blocks) do
    local sticks = blocks[k + 1] ~= nil and announces(block, blocks[k + 1])
    if sticks then kept:insert(pandoc.RawBlock("typst", "#block(sticky: true)[")) end
    kept:insert(block)
    if sticks then kept:insert(pandoc.RawBlock("typst", "]")) end
  end
  return kept
end
