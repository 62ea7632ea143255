"""Everything a person sees: command line, pytest plugin, reports, figures."""
