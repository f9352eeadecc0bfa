// A map from names to values whose copies share what they have in common.
//
// A copy costs one pointer. A change copies one chunk of at most kChunkEntriesMax entries and the
// list of chunks, unless this map made them since it was last copied; so a change to a copy of a map
// of 10,000 costs microseconds, and building one costs no more than a sorted vector in pieces.
// Sorted by name; iterators are random access and stay valid until the map is changed. An entry
// that was not changed is the same object in both maps: shared() gives it out beyond their lives.
//
// Const members may run in any thread while none changes the map; copies may be changed and read in
// other threads at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vs {

inline constexpr std::size_t kChunkEntriesMax = 128;

template <class T>
class ByName {
 public:
  using key_type = std::string;
  using mapped_type = T;
  using value_type = std::pair<const std::string, T>;
  using size_type = std::size_t;

 private:
  // `maker` is the map that may change it in place: the one with that number.
  struct Entry {
    value_type value;
    std::uint64_t maker;
  };
  struct Chunk {
    std::vector<std::shared_ptr<Entry>> entries;  // never empty
    std::uint64_t maker;
    [[nodiscard]] const std::string& first() const { return entries.front()->value.first; }
  };
  struct Root {
    std::vector<std::shared_ptr<Chunk>> chunks;
    std::size_t size = 0;
    std::uint64_t maker = 0;
  };

 public:
  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = ByName::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return root_->chunks[chunk_]->entries[entry_]->value; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++entry_ == root_->chunks[chunk_]->entries.size()) {
        ++chunk_;
        entry_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    const_iterator& operator--() {
      if (entry_ == 0) entry_ = root_->chunks[--chunk_]->entries.size();
      --entry_;
      return *this;
    }
    const_iterator operator--(int) {
      const_iterator before = *this;
      --*this;
      return before;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    friend class ByName;
    const_iterator(const Root* root, std::size_t chunk, std::size_t entry)
        : root_(root), chunk_(chunk), entry_(entry) {}

    const Root* root_ = nullptr;
    std::size_t chunk_ = 0;
    std::size_t entry_ = 0;
  };
  using iterator = const_iterator;

  ByName() = default;
  ByName(std::initializer_list<value_type> values) {
    for (const value_type& value : values) insert_or_assign(value.first, value.second);
  }
  // Both sides lose the right to change in place what they now share.
  ByName(const ByName& other) : root_(other.root_) { other.number_ = 0; }
  ByName(ByName&& other) noexcept
      : root_(std::move(other.root_)), number_(other.number_.exchange(0)) {}
  ByName& operator=(const ByName& other) {
    if (this == &other) return *this;
    root_ = other.root_;
    number_ = 0;
    other.number_ = 0;
    return *this;
  }
  ByName& operator=(ByName&& other) noexcept {
    root_ = std::move(other.root_);
    number_ = other.number_.exchange(0);
    return *this;
  }
  ~ByName() = default;

  [[nodiscard]] std::size_t size() const { return root_ ? root_->size : 0; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] const_iterator begin() const { return {root_.get(), 0, 0}; }
  [[nodiscard]] const_iterator end() const {
    return {root_.get(), root_ ? root_->chunks.size() : 0, 0};
  }

  [[nodiscard]] const_iterator find(std::string_view name) const {
    const const_iterator found = lower_bound(name);
    return found != end() && found->first == name ? found : end();
  }
  // The first whose name is not before, or is after, `name`.
  [[nodiscard]] const_iterator lower_bound(std::string_view name) const {
    return bound([&](const std::string& other) { return std::string_view(other) < name; }, name);
  }
  [[nodiscard]] const_iterator upper_bound(std::string_view name) const {
    return bound([&](const std::string& other) { return std::string_view(other) <= name; }, name);
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != end(); }
  [[nodiscard]] const T& at(std::string_view name) const {
    const auto found = find(name);
    if (found == end()) throw std::out_of_range("no " + std::string(name));
    return found->second;
  }
  // The entry's value as an owner of its own; nullptr when there is none.
  [[nodiscard]] std::shared_ptr<const T> shared(std::string_view name) const {
    const auto found = find(name);
    if (found == end()) return nullptr;
    const auto& entry = root_->chunks[found.chunk_]->entries[found.entry_];
    number_ = 0;  // it is not to be changed in place from now on
    return {entry, &entry->value.second};
  }

  // To be changed in place; made when there is none. Valid until the map is copied or changed.
  T& operator[](std::string_view name) {
    const auto [chunk, entry, found] = place_of(name);
    if (!found) return insert(chunk, entry, std::string(name), T())->value.second;
    std::shared_ptr<Entry>& there = own_chunk(chunk).entries[entry];
    if (there->maker != own_number())
      there = std::make_shared<Entry>(Entry{there->value, own_number()});
    return there->value.second;
  }
  T& at(std::string_view name) {
    if (!contains(name)) throw std::out_of_range("no " + std::string(name));
    return (*this)[name];
  }
  void insert_or_assign(std::string name, T value) {
    const auto [chunk, entry, found] = place_of(name);
    if (found)
      own_chunk(chunk).entries[entry] =
          std::make_shared<Entry>(Entry{{std::move(name), std::move(value)}, own_number()});
    else
      insert(chunk, entry, std::move(name), std::move(value));
  }
  // False, and nothing changes, when the name is taken.
  bool emplace(std::string name, T value) {
    const auto [chunk, entry, found] = place_of(name);
    if (!found) insert(chunk, entry, std::move(name), std::move(value));
    return !found;
  }
  std::size_t erase(std::string_view name) {
    const auto [chunk, entry, found] = place_of(name);
    if (!found) return 0;
    Chunk& own = own_chunk(chunk);
    own.entries.erase(own.entries.begin() + static_cast<std::ptrdiff_t>(entry));
    if (own.entries.empty())
      root_->chunks.erase(root_->chunks.begin() + static_cast<std::ptrdiff_t>(chunk));
    root_->size -= 1;
    return 1;
  }
  void clear() { *this = ByName(); }

  // Whether both are copies of one map that nobody has changed since: equal without a look.
  [[nodiscard]] bool same_as(const ByName& other) const { return root_ == other.root_; }
  friend bool operator==(const ByName& left, const ByName& right) {
    return left.same_as(right) ||
           (left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin()));
  }

 private:
  struct Position {
    std::size_t chunk;
    std::size_t entry;
    bool found;
  };

  template <class Before>
  [[nodiscard]] const_iterator bound(const Before& before, std::string_view name) const {
    if (!root_ || root_->chunks.empty()) return end();
    const std::size_t chunk = chunk_of(name);
    const auto& entries = root_->chunks[chunk]->entries;
    const auto found = std::partition_point(entries.begin(), entries.end(), [&](const auto& entry) {
      return before(entry->value.first);
    });
    if (found == entries.end()) return {root_.get(), chunk + 1, 0};
    return {root_.get(), chunk, static_cast<std::size_t>(found - entries.begin())};
  }

  // The last chunk that begins at or before `name`, else the first. There is one.
  [[nodiscard]] std::size_t chunk_of(std::string_view name) const {
    const auto& chunks = root_->chunks;
    const auto after =
        std::partition_point(chunks.begin(), chunks.end(),
                             [&](const auto& chunk) { return std::string_view(chunk->first()) <= name; });
    return after == chunks.begin() ? 0 : static_cast<std::size_t>(after - chunks.begin() - 1);
  }

  [[nodiscard]] Position place_of(std::string_view name) const {
    if (!root_ || root_->chunks.empty()) return {0, 0, false};
    const std::size_t chunk = chunk_of(name);
    const auto& entries = root_->chunks[chunk]->entries;
    const auto found =
        std::partition_point(entries.begin(), entries.end(),
                             [&](const auto& entry) { return std::string_view(entry->value.first) < name; });
    return {chunk, static_cast<std::size_t>(found - entries.begin()),
            found != entries.end() && (*found)->value.first == name};
  }

  std::uint64_t own_number() {
    static std::atomic<std::uint64_t> last{0};
    if (number_ == 0) number_ = ++last;
    return number_;
  }

  Root& own_root() {
    if (!root_)
      root_ = std::make_shared<Root>(Root{.maker = own_number()});
    else if (root_->maker != own_number()) {
      root_ = std::make_shared<Root>(*root_);
      root_->maker = own_number();
    }
    return *root_;
  }

  Chunk& own_chunk(std::size_t index) {
    std::shared_ptr<Chunk>& chunk = own_root().chunks[index];
    if (chunk->maker != own_number()) {
      chunk = std::make_shared<Chunk>(*chunk);
      chunk->maker = own_number();
    }
    return *chunk;
  }

  std::shared_ptr<Entry> insert(std::size_t chunk, std::size_t entry, std::string name, T value) {
    auto fresh = std::make_shared<Entry>(Entry{{std::move(name), std::move(value)}, own_number()});
    Root& root = own_root();
    root.size += 1;
    if (root.chunks.empty()) {
      root.chunks.push_back(std::make_shared<Chunk>(Chunk{{fresh}, own_number()}));
      return fresh;
    }
    Chunk& own = own_chunk(chunk);
    own.entries.insert(own.entries.begin() + static_cast<std::ptrdiff_t>(entry), fresh);
    if (own.entries.size() > kChunkEntriesMax) split(root, chunk);
    return fresh;
  }

  // Names that come in order fill their chunks: the last one gives away only its newest entry.
  void split(Root& root, std::size_t index) {
    Chunk& full = *root.chunks[index];
    const std::size_t keep =
        index + 1 == root.chunks.size() ? full.entries.size() - 1 : full.entries.size() / 2;
    const auto from = full.entries.begin() + static_cast<std::ptrdiff_t>(keep);
    auto next = std::make_shared<Chunk>(Chunk{{from, full.entries.end()}, own_number()});
    full.entries.erase(from, full.entries.end());
    root.chunks.insert(root.chunks.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                       std::move(next));
  }

  std::shared_ptr<Root> root_;
  mutable std::atomic<std::uint64_t> number_{0};  // 0: none yet; see own_number()
};

}  // namespace vs
