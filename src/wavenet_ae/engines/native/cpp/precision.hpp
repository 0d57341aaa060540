// The numbers of weights and inputs, chosen when the library is compiled.
//
//   PER_WORD      numbers in a word of 32 bits, which is what a lane takes at once
//   Sum, dot      sums of products
//   pack_row      a row of weights -> its words, its scale and its offset
//   pack_input    an input vector -> its words, its scale
//   finished      a sum, its rows' offsets and scales, its input's scale -> float32
#pragma once

#if defined(WAVENET_INT8)
#include "int8.hpp"
#elif defined(WAVENET_BFLOAT16)
#include "bfloat16.hpp"
#else
#include "float32.hpp"
#endif
