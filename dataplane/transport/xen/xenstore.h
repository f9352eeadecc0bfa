// Xenstore: a tree of small texts that all domains of a machine see, each by its rights.
//
// Calls wait for the store's daemon. Thread-safe, but for the watches, which one thread takes. Errors: unavailable, when the
// daemon does not answer or this is no Xen; not_found; denied; exhausted; internal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct xs_handle;

namespace vs {

inline constexpr std::size_t kXenstoreTextMax = 4096;  // of a value: the protocol's
inline constexpr std::uint32_t kPortMax = 131071;       // of event channels: FIFO's
inline constexpr int kXenstoreTriesMax = 16;            // of a transaction that others get in the way of

class Xenstore {
 public:
  struct Event {
    std::string path;
    std::string token;
  };

  static Result<Xenstore> open();

  // nullopt: there is no such node.
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const;
  // The same, of a decimal number without sign, blanks or leading zeros, up to `max`. Errors, too: invalid, naming the path.
  [[nodiscard]] Result<std::optional<std::uint32_t>> read_number(const std::string& path, std::uint32_t max) const;
  // The names below a node; none when there is no such node.
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const;
  Result<> write(const std::string& path, std::string_view value);
  // Makes a node that `owner` may write, and `reader` read.
  Result<> make(const std::string& path, std::uint32_t owner, std::uint32_t reader);
  // What is not there counts as removed.
  Result<> remove(const std::string& path);
  // Removes the node if its `key` still is `value`: not one that somebody has made anew meanwhile.
  Result<> remove_if(const std::string& path, const std::string& key, std::string_view value);
  // Whether the domain is there; false from when it begins to die.
  [[nodiscard]] bool domain_lives(std::uint32_t domid) const;

  Result<> watch(const std::string& path, const std::string& token);
  void unwatch(const std::string& path, const std::string& token);
  // Readable when there may be events.
  [[nodiscard]] int fd() const;
  // The next event; nullopt when there is none.
  std::optional<Event> next_event();

 private:
  struct Close {
    void operator()(xs_handle* store) const;
  };
  explicit Xenstore(xs_handle* store) : store_(store) {}

  std::unique_ptr<xs_handle, Close> store_;
};

// Where the store keeps what is of a domain.
inline std::string guest_home(std::uint32_t domid) { return "/local/domain/" + std::to_string(domid); }

// The number that `text` is as the store writes them; nullopt when it is none.
std::optional<std::uint32_t> decimal(std::string_view text, std::uint32_t max);

}  // namespace vs
