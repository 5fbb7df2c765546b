// For TileProduct.cpp: f32 matrices split into three bf16 parts and packed as the matrix tiles of CPUs with AMX read
// them, a little at a time, so that it can be done while tiles are multiplied.
#ifndef HETER_RUNTIME_KERNELS_TILEPACKING_H
#define HETER_RUNTIME_KERNELS_TILEPACKING_H

#include <algorithm>
#include <cstdint>

namespace heter::runtime::tiles {

// A tile is 16 rows of 16 words, a word two bf16 that follow each other along k. A step is 32 of k, so one tile wide
// (for a) or high (for b); a panel is 16 rows of a or columns of b.
inline constexpr int64_t panelWidth = 16, stepDepth = 32, tileBytes = 1024, partCount = 3;

constexpr int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// One operand, seen as `rows` vectors of length k: the rows of a or the columns of b.
struct Side {
  const float *data;
  int64_t stride;   ///< In memory, from one row to the next.
  bool alongK;      ///< Whether a vector's elements are neighbours in memory; otherwise neighbouring vectors' are.
  bool wordsInRows; ///< Tiles as a has them, a row a vector; otherwise as b, a column a vector.
  int64_t rows, k;

  int64_t panels() const { return 2 * ceilDivide(rows, 2 * panelWidth); }
};

/// Where the tiles of consecutive panels lie, each with so many steps of three tiles.
struct Packed {
  char *memory;
  int64_t steps;

  char *tile(int64_t panel, int64_t step) const { return memory + (panel * steps + step) * partCount * tileBytes; }
  Packed from(int64_t panel) const { return {tile(panel, 0), steps}; }
};

/// Packs two panels, or the last one, over some steps, a quarter of one panel's step at a time. What is no more of the
/// matrix becomes 0; of a panel all of which is no more nothing is written.
/// Thread-compatible.
class Packer {
public:
  Packer() = default; ///< Of nothing.
  /// `side` must outlive it.
  Packer(const Side &side, int64_t panel, int64_t firstStep, const Packed &to);

  /// Quarters that are not packed yet.
  int64_t left() const { return quarters_ - next_; }
  /// Packs so many more, or those that are left.
  void pack(int64_t quarters) {
    for (quarters = std::min(quarters, left()); quarters > 0; --quarters)
      packNext();
  }
  void packAll() { pack(left()); }

private:
  using PackQuarter = void (*)(const float *from, int64_t stride, int64_t rows, int64_t depth, char *tile,
                               int64_t quarter);
  static PackQuarter packerOf(const Side &side);
  /// Finds what is packed next: one panel's step.
  void findTiles();
  void packNext() {
    packQuarter_(from_, side_->stride, rows_, depth_, tile_, next_ % quartersOfStep);
    if (++next_ % quartersOfStep == 0)
      findTiles();
  }
  static constexpr int64_t quartersOfStep = 4;

  const Side *side_ = nullptr;
  int64_t panel_ = 0, firstStep_ = 0, panels_ = 0;
  Packed to_{};
  int64_t next_ = 0, quarters_ = 0;
  PackQuarter packQuarter_ = nullptr;
  // Of what is packed next:
  const float *from_ = nullptr;
  int64_t rows_ = 0, depth_ = 0;
  char *tile_ = nullptr;
};

} // namespace heter::runtime::tiles

#endif // HETER_RUNTIME_KERNELS_TILEPACKING_H
