// Lines of keys and values: slot form (`click:1 5:737395 5:1024`), where a key may come several times and has a list of
// values, and libsvm form (`1 3:0.5 7:1`), a label and then the indices that are not zero.
#include "runtime/data/LineSplitter.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <unordered_map>

namespace heter::runtime {

namespace {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// Which list a key's values belong to. Most lines have the same keys in the same order, so the key that stood at a
/// place of the last line is tried first.
class KeyTable {
public:
  void add(const std::string &key, int32_t list) {
    lists_.emplace(key, list);
    if (keys_.size() <= static_cast<size_t>(list))
      keys_.resize(static_cast<size_t>(list) + 1);
    keys_[static_cast<size_t>(list)] = key;
  }

  /// The list of `key`, the line's pair number `place`; -1 if nobody wants it.
  int32_t find(std::string_view key, size_t place) {
    if (place >= last_.size())
      last_.resize(place + 1, -1);
    int32_t guess = last_[place];
    if (guess >= 0 && keys_[static_cast<size_t>(guess)] == key)
      return guess;
    auto found = lists_.find(key);
    if (found == lists_.end())
      return -1;
    return last_[place] = found->second;
  }

private:
  std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>> lists_;
  std::vector<std::string> keys_; ///< By list.
  std::vector<int32_t> last_;     ///< By place: the list found there last.
};

/// The words of a line, which spaces and tabs separate.
class Words {
public:
  explicit Words(std::string_view line) : line_(line) {}

  /// False after the last one.
  bool next(Text &word) {
    while (at_ < line_.size() && isSpace(line_[at_]))
      ++at_;
    size_t begin = at_;
    while (at_ < line_.size() && !isSpace(line_[at_]))
      ++at_;
    word = {line_.substr(begin, at_ - begin), begin};
    return at_ > begin;
  }

private:
  static bool isSpace(char c) { return c == ' ' || c == '\t'; }

  std::string_view line_;
  size_t at_ = 0;
};

/// The two sides of the first colon; false if there is none, or nothing before it.
bool splitPair(const Text &word, Text &key, Text &value) {
  size_t colon = word.view.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return false;
  key = {word.view.substr(0, colon), word.offset};
  value = {word.view.substr(colon + 1), word.offset + colon + 1};
  return true;
}

class KeySplitter : public LineSplitter {
public:
  explicit KeySplitter(const std::vector<WantedPart> &wanted) {
    for (const WantedPart &part : wanted) {
      table_.add(part.name.name, part.index);
      indices_.push_back(part.index);
    }
  }

protected:
  void clear(LineParts &parts) const {
    for (int32_t index : indices_)
      parts.lists[static_cast<size_t>(index)].clear();
  }
  static void add(LineParts &parts, int32_t list, const Text &value) {
    if (list >= 0)
      parts.lists[static_cast<size_t>(list)].push_back(value);
  }

  KeyTable table_;

private:
  std::vector<int32_t> indices_;
};

class SlotSplitter final : public KeySplitter {
public:
  using KeySplitter::KeySplitter;

  bool split(std::string_view line, LineParts &parts, RowError &error) override {
    clear(parts);
    Words words(line);
    Text word, key, value;
    for (size_t place = 0; words.next(word); ++place) {
      if (!splitPair(word, key, value)) {
        error = {word.offset, "expected KEY:VALUE, as in a slot line, got " + quoted(word.view)};
        return false;
      }
      add(parts, table_.find(key.view, place), value);
    }
    return true;
  }
};

class LibsvmSplitter final : public KeySplitter {
public:
  explicit LibsvmSplitter(const std::vector<WantedPart> &wanted) : KeySplitter(wanted) {
    for (const WantedPart &part : wanted)
      for (auto [name, list] : {std::pair("label", &label_), {"index", &index_}, {"value", &value_}, {"qid", &query_}})
        if (part.name.name == name)
          *list = part.index;
  }

  bool split(std::string_view line, LineParts &parts, RowError &error) override {
    clear(parts);
    Words words(line);
    Text word;
    bool any = words.next(word);
    if (any && word.view.find(':') == std::string_view::npos && word.view.front() != '#') {
      add(parts, label_, word);
      any = words.next(word);
    } else if (label_ >= 0) {
      error = {word.offset, "expected a label, got " + quoted(word.view)};
      return false;
    }
    // A comment may end the line.
    for (size_t place = 0; any && word.view.front() != '#'; any = words.next(word), ++place)
      if (!addPair(word, place, parts, error))
        return false;
    return true;
  }

private:
  bool addPair(const Text &word, size_t place, LineParts &parts, RowError &error) {
    Text key, value;
    bool isPair = splitPair(word, key, value);
    if (isPair && key.view == "qid") {
      add(parts, query_, value);
      return true;
    }
    if (!isPair || !std::all_of(key.view.begin(), key.view.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      error = {word.offset, "expected INDEX:VALUE, got " + quoted(word.view)};
      return false;
    }
    while (key.view.size() > 1 && key.view.front() == '0')
      key.view.remove_prefix(1);
    add(parts, index_, key);
    add(parts, value_, value);
    add(parts, table_.find(key.view, place), value);
    return true;
  }

  int32_t label_ = -1, index_ = -1, value_ = -1, query_ = -1;
};

} // namespace

StatusOr<std::unique_ptr<LineSplitter>> makeKeySplitter(const package::DataSource &source,
                                                        const std::vector<WantedPart> &wanted) {
  for (const auto &[name, value] : source.options)
    return Status::invalidArgument("data `" + source.name + "`: the format `" + source.format +
                                   "` has no options, got `" + name + "`");
  if (source.format == "slot")
    return std::unique_ptr<LineSplitter>(std::make_unique<SlotSplitter>(wanted));
  return std::unique_ptr<LineSplitter>(std::make_unique<LibsvmSplitter>(wanted));
}

} // namespace heter::runtime
