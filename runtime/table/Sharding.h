// Who owns what: keys belong to servers through 4,096 virtual shards, dense parameters in flat blocks of 65,536 floats.
// Both maps are pure functions of names, keys and the number of servers, so that every role computes them alike.
#ifndef HETER_RUNTIME_TABLE_SHARDING_H
#define HETER_RUNTIME_TABLE_SHARDING_H

#include "runtime/base/Hash.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// Elements of one block of a dense parameter, which is cut flat in row-major order; the last block may be shorter.
inline constexpr int64_t denseBlockElements = 65536;

/// The server, of `serverCount`, that owns a table's key. The same for every table.
constexpr int ownerOfKey(uint64_t key, int serverCount) { return ownerOfShard(shardOf(key), serverCount); }

/// The first virtual shard of a server; server `serverCount` gives the end, 4,096.
constexpr int firstShardOf(int server, int serverCount) {
  return static_cast<int>((static_cast<int64_t>(server) * virtualShards + serverCount - 1) / serverCount);
}

/// The server that owns block `block` of a parameter: (XXH64(parameter) + block) mod serverCount.
int ownerOfBlock(std::string_view parameter, int64_t block, int serverCount);

/// One block of a parameter, as one server holds it.
struct DenseBlock {
  int64_t block;      ///< Its number within the parameter.
  int64_t first;      ///< Its first flat element within the parameter.
  int64_t count;      ///< Its elements.
  int64_t localFirst; ///< Its first element within the server's values of the parameter.
};

/// The blocks of one parameter that one server owns, in order. The server's values of the parameter are these blocks
/// one after another; with one server that is the whole parameter.
class DenseLayout {
public:
  DenseLayout(std::string_view parameter, int64_t elements, int server, int serverCount);

  std::span<const DenseBlock> blocks() const { return blocks_; }
  int64_t elements() const { return elements_; }           ///< Of the whole parameter.
  int64_t localElements() const { return localElements_; } ///< Of this server's blocks.

  /// Copies this server's blocks out of a whole parameter. `local` has localElements() floats.
  void gather(const float *whole, float *local) const;
  /// Copies this server's blocks to their places in a whole parameter.
  void scatter(const float *local, float *whole) const;

private:
  int64_t elements_;
  int64_t localElements_ = 0;
  std::vector<DenseBlock> blocks_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SHARDING_H
