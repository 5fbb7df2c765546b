// The hashes whose values are part of a model: the same text, key or name gives the same number on every machine and in
// every version, because ids, initial values and shards follow from them.
#ifndef HETER_RUNTIME_BASE_HASH_H
#define HETER_RUNTIME_BASE_HASH_H

#include <cstdint>
#include <string_view>

namespace heter::runtime {

/// XXH64 of the bytes.
uint64_t hashBytes(std::string_view bytes, uint64_t seed = 0);

/// The id of a feature's text under a salt: XXH64(text, XXH64(salt, 0)).
inline uint64_t hashFeature(std::string_view text, uint64_t saltHash) { return hashBytes(text, saltHash); }

/// Mixer version 1: the finaliser of splitmix64, a bijection of 64-bit keys.
constexpr uint64_t mixKey(uint64_t key) {
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ULL;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebULL;
  return key ^ (key >> 31);
}

constexpr int virtualShards = 4096;

/// The virtual shard of a table's key, in [0, virtualShards).
constexpr int shardOf(uint64_t key) { return static_cast<int>(mixKey(key) >> 52); }

/// The server, of `serverCount`, that owns a virtual shard.
constexpr int ownerOfShard(int shard, int serverCount) {
  return static_cast<int>(static_cast<int64_t>(shard) * serverCount / virtualShards);
}

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_HASH_H
