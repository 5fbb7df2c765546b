// How calls of a connection are numbered. Numbers grow without end; Thrift's message header has room for their low 32
// bits, from which either end makes the number again, because it is near one that it knows (serial number arithmetic,
// RFC 1982).
#ifndef HETER_RUNTIME_RPC_CALLNUMBERS_H
#define HETER_RUNTIME_RPC_CALLNUMBERS_H

#include <cstdint>

namespace heter::runtime {

/// The sequence number of stock Thrift clients, which give it to all of their calls.
inline constexpr int32_t unnumbered = 0;

inline int32_t sequenceOf(int64_t number) { return static_cast<int32_t>(static_cast<uint32_t>(number)); }

/// The number nearest to `near` that is `sequence` on the wire.
inline int64_t callNumber(int32_t sequence, int64_t near) {
  return near + static_cast<int32_t>(static_cast<uint32_t>(sequence) - static_cast<uint32_t>(near));
}

/// `number`, or the one after it if that would look unnumbered.
inline int64_t usableNumber(int64_t number) { return sequenceOf(number) == unnumbered ? number + 1 : number; }

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CALLNUMBERS_H
