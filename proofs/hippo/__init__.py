"""Claims about state-space models whose output is the derivative of their input.

The statements that had to be settled, each with the claims that settle it; the false ones, each with the mutants that
refute it (`claim/mutant`) or the claim that computes its error. tests/proofs/hippo/test_covered.py reads the two tables.

H01  readouts of LegT and LegS, all N                    legt_readout legt_matrices legs_matrices
H02  their errors as transfer functions                  legt_transfer
H03  degrees of exactness, orders in the window          legt_exactness window_rate
H04  LegT is a Pade approximant                          legt_pade
H05  explicit bounds for K bounded derivatives           derivative_bound closed_bound
H06  the sharp orders and constants                      derivative_rate sharp_constants claimed_orders
H07  route (i) is the best at every frequency; lossless  legt_transfer legt_pade frequency_bound
H08  band-limited inputs                                 frequency_bound
H09  the mean square                                     frequency_bound mean_square_rate
H10  forward Euler is exact to degree N                  one_step_error
H11  one-step errors of all bilinear schemes             one_step_error next_state look_ahead residual_hold
H12  conventions of the hold                             hold_conventions matched_hold discretisation
H13  LegS's exact equations and powers of t              legs_matrices legs_recursion legs_holds
H14  route (iii) for exact projections                   legt_exactness legs_matrices window_rate
H15  analytic inputs                                     analytic_rate
H16  one singularity inside the window                   singular_rate
H17  FouT: bias, divergence, correction                  fout_transfer fout_corrected fout_limit fout_states
H18  LegS as a time-invariant system                     legs_lti legs_matched
H19  dissipativity and stable steps                      dissipativity stability modal_form
H20  noise, and what to choose under it                  noise_gain sample_noise bounded_noise trade_off

F1   sign of the gain                  legt_readout/sign_of_gain legt_transfer/sign_of_gain usual_mistakes
F2   no factor sqrt(2n+1)              legt_matrices/missing_root usual_mistakes/constants_see_roots
F3   wrong time scale                  legt_matrices/time_scale legt_readout/forgotten_two usual_mistakes
F4   off by one                        legt_readout/off_by_one legt_readout/smaller_gain usual_mistakes
F5   LegS's matrices for LegT's        legt_transfer/legs_matrix next_state/legs_layer usual_mistakes/legs_ramp_converges
F6   FouT's value taken for the input  fout_transfer/value_is_input fout_limit/consistent usual_mistakes/bias_vanishes
F7   transposed, unsigned, other end   legt_matrices/transposed legt_matrices/no_sign_flip legt_matrices/left_end_input
F8   one held sample, unmatched gain   hold_conventions/held_before hold_conventions/held_after matched_hold/unmatched
F9   wrong orders                      derivative_rate/same_order derivative_rate/uniform_1_minus_K claimed_orders/uniform
"""

CHAPTER = "The derivative of the input"
