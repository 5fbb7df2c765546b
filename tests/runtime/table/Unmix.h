// Keys that are made to collide.
#ifndef HETER_TESTS_RUNTIME_TABLE_UNMIX_H
#define HETER_TESTS_RUNTIME_TABLE_UNMIX_H

#include <cstdint>

namespace heter::runtime {

/// The key that a number is the mixed key of.
inline uint64_t unmix(uint64_t mixed) {
  mixed = (mixed ^ (mixed >> 31) ^ (mixed >> 62)) * 0x319642b2d24d8ec3ULL;
  mixed = (mixed ^ (mixed >> 27) ^ (mixed >> 54)) * 0x96de1b173f119089ULL;
  return mixed ^ (mixed >> 30) ^ (mixed >> 60);
}

} // namespace heter::runtime

#endif // HETER_TESTS_RUNTIME_TABLE_UNMIX_H
