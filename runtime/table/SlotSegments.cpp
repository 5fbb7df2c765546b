// The course of segments.
#include "runtime/table/SlotSegments.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

namespace heter::runtime {

std::vector<uint32_t> SlotSet::ofSegment(uint32_t segment) const {
  std::vector<uint32_t> slots;
  const size_t first = segment * wordsPerSegment_;
  for (size_t word = 0; word < wordsPerSegment_ && first + word < words_.size(); ++word)
    for (uint64_t bits = words_[first + word]; bits != 0; bits &= bits - 1)
      slots.push_back(segment * slotsPerSegment_ + static_cast<uint32_t>(word * 64) +
                      static_cast<uint32_t>(std::countr_zero(bits)));
  return slots;
}

BlockMemory SlotSegments::takeMemory() {
  ++inMemory_;
  if (spare_.empty()) {
    BlockMemory memory = allocateBlocks(layout_.segmentBytes());
    std::memset(memory.get(), 0, layout_.segmentBytes());
    return memory;
  }
  BlockMemory memory = std::move(spare_.back());
  spare_.pop_back();
  return memory;
}

void SlotSegments::giveBack(BlockMemory memory) {
  constexpr size_t mostSpare = 2;
  if (!memory)
    return;
  --inMemory_;
  if (spare_.size() < mostSpare)
    spare_.push_back(std::move(memory));
}

bool SlotSegments::open() {
  assert(!isOpen());
  reclaim();
  if (free_.empty()) {
    if ((segments_.size() + 1) * layout_.slotsPerSegment() > maxSlots_)
      return false;
    free_.push_back(count());
    segments_.emplace_back();
  }
  Segment &segment = segments_[free_.back()];
  segment.memory = takeMemory();
  segment.state = State::Open;
  open_ = free_.back();
  openUsed_ = 0;
  free_.pop_back();
  return true;
}

uint32_t SlotSegments::add(std::span<const char> row) {
  assert(isOpen() && row.size() == layout_.slotBytes);
  const uint32_t number = *open_;
  const uint32_t slot = openUsed_++;
  Segment &segment = segments_[number];
  std::memcpy(segment.memory.get() + layout_.byteOf(slot), row.data(), row.size());
  ++segment.live;
  ++live_;
  if (openUsed_ == layout_.slotsPerSegment()) {
    segment.state = State::Waiting;
    waiting_.push_back(number);
    open_.reset();
  }
  inUse_.add(number * layout_.slotsPerSegment() + slot);
  return number * layout_.slotsPerSegment() + slot;
}

void SlotSegments::free(uint32_t slot) {
  const uint32_t number = slot / layout_.slotsPerSegment();
  assert(inUse_.has(slot) && "the slot is in use");
  inUse_.remove(slot);
  settled_.remove(slot);
  Segment &segment = segments_[number];
  --segment.live;
  --live_;
  if (segment.state == State::OnDisk)
    --liveOnDisk_;
  if (segment.live == 0 && (segment.state == State::OnDisk || segment.state == State::Waiting))
    retire(number);
}

void SlotSegments::retire(uint32_t number) {
  Segment &segment = segments_[number];
  if (segment.state == State::OnDisk)
    --onDisk_;
  if (segment.state == State::Waiting)
    std::erase(waiting_, number);
  segment.state = State::Retired;
  segment.retiredIn = epoch_++;
  retired_.push_back(number);
  reclaim();
}

void SlotSegments::reclaim() {
  while (!retired_.empty()) {
    Segment &segment = segments_[retired_.front()];
    if (!pins_.empty() && pins_.begin()->first <= segment.retiredIn)
      return;
    giveBack(std::move(segment.memory));
    segment.state = State::Free;
    ++segment.generation;
    free_.push_back(retired_.front());
    retired_.pop_front();
  }
}

const char *SlotSegments::inMemory(uint32_t slot) const {
  const Segment &segment = segments_[slot / layout_.slotsPerSegment()];
  return segment.memory ? segment.memory.get() + layout_.byteOf(slot % layout_.slotsPerSegment()) : nullptr;
}

uint64_t SlotSegments::pin() {
  ++pins_[epoch_];
  return epoch_;
}

void SlotSegments::unpin(uint64_t epoch) {
  const auto found = pins_.find(epoch);
  if (--found->second > 0)
    return;
  pins_.erase(found);
  reclaim();
}

std::optional<SlotSegments::ToWrite> SlotSegments::nextToWrite() {
  if (waiting_.empty())
    return std::nullopt;
  const uint32_t number = waiting_.front();
  waiting_.pop_front();
  ++writing_;
  Segment &segment = segments_[number];
  segment.state = State::Writing;
  return ToWrite{number, segment.generation, segment.memory.get()};
}

void SlotSegments::written(uint32_t number, bool succeeded) {
  Segment &segment = segments_[number];
  --writing_;
  if (!succeeded) {
    segment.state = State::Waiting;
    waiting_.push_front(number);
  } else {
    giveBack(std::move(segment.memory));
    segment.state = State::OnDisk;
    ++onDisk_;
    liveOnDisk_ += segment.live;
  }
  if (segment.live == 0)
    retire(number);
}

std::optional<uint32_t> SlotSegments::emptiest(double mostGarbage) const {
  const double slots = static_cast<double>(onDisk_) * layout_.slotsPerSegment();
  if (slots - static_cast<double>(liveOnDisk_) <= mostGarbage * slots)
    return std::nullopt;
  std::optional<uint32_t> best;
  for (uint32_t number = 0; number < count(); ++number)
    if (segments_[number].state == State::OnDisk && (!best || segments_[number].live < segments_[*best].live))
      best = number;
  return best;
}

int64_t SlotSegments::bytesInMemory() const {
  return static_cast<int64_t>((inMemory_ + spare_.size()) * layout_.segmentBytes() +
                              segments_.capacity() * sizeof(Segment)) +
         inUse_.bytes() + settled_.bytes();
}

} // namespace heter::runtime
