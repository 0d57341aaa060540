// Precision of weights and inputs, chosen when the library is compiled. Each precision defines
//
//   PER_WORD      numbers per word of 32 bits, which a lane processes at once
//   Sum, dot      type and accumulation of sums of products
//   pack_row      packs a row of weights into words; returns its scale and offset
//   pack_input    packs an input vector into words; returns its scale
//   finished      converts sums to float32 by the rows' offsets and scales and the input's scale
#pragma once

#if defined(WAVENET_INT8)
#include "int8.hpp"
#elif defined(WAVENET_BFLOAT16)
#include "bfloat16.hpp"
#else
#include "float32.hpp"
#endif
