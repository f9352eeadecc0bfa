// A 9P2000.L server of one client's connection over a tree, whatever carries the messages: a Xen ring, a socket.
//
// What comes is a guest's: every message is judged before it is believed, and what is none ends the connection. Reads that have to
// wait do not hold up the others; a flush takes them back. Sizes are bytes. Owned by the loop's thread.
// Errors: to the client as Rlerror with an errno of Linux; of take(): invalid, when the message cannot be answered at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/files/tree.h"
#include "dataplane/files/wire.h"

namespace vs::files {

inline constexpr std::uint32_t kMessageBytesMin = 4096;  // Linux's client gives up below
inline constexpr std::uint32_t kMessageBytesMax = 32 << 10;
inline constexpr std::size_t kFidsMax = 1024;    // of one client; more are refused (ENFILE)
inline constexpr std::size_t kPendingMax = 64;   // reads that wait; more are refused (EAGAIN)

// Of one client, or of all of a mount together.
struct ServerCounts {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;   // answered with one
  std::uint64_t refused = 0;  // of those, for a limit
};

class Server {
 public:
  using Send = std::function<void(std::span<const std::byte> message)>;

  // `tree` and `counts` outlive it; the tree may change. `message_bytes_max`: what the carrier can bring, kMessageBytesMin or more.
  Server(const Tree& tree, std::uint32_t message_bytes_max, ServerCounts& counts);

  // One message, as long as its size says; answered through `send`, now or later, unless it is flushed.
  Result<> take(std::span<const std::byte> message, const Send& send);

  [[nodiscard]] std::size_t fids() const { return fids_.size(); }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  // Of messages both ways, as agreed.
  [[nodiscard]] std::uint32_t message_bytes_max() const { return message_bytes_; }

 private:
  struct Fid {
    std::shared_ptr<File> file;  // nullptr: the root
    std::shared_ptr<OpenFile> opened;
    bool open = false;
    bool writes = false;
    bool reads = false;
  };
  struct Pending {
    std::uint64_t number;
    std::uint32_t fid;
    Send send;
  };

  int answer(MessageType type, Parser& fields, Writer& writer);
  int version(Parser& fields, Writer& writer);
  int attach(Parser& fields, Writer& writer);
  int walk(Parser& fields, Writer& writer);
  int open(Parser& fields, Writer& writer);
  int getattr(Parser& fields, Writer& writer);
  int setattr(Parser& fields);
  int readdir(Parser& fields, Writer& writer);
  int write(Parser& fields, Writer& writer);
  int clunk(Parser& fields);
  static int statfs(Parser& fields, Writer& writer);
  // Answers by itself, later perhaps; an errno is to be answered for it.
  int read(std::uint16_t tag, Parser& fields, const Send& send);
  void flush(Parser& fields);

  Fid* find(std::uint32_t number);
  int add(std::uint32_t number, Fid fid);
  // Reads of it that wait end.
  void end_reads(std::uint32_t fid);
  void send_error(std::uint16_t tag, int error, const Send& send);
  std::shared_ptr<File> file_named(std::string_view name) const;
  [[nodiscard]] Qid qid_of(const File* file) const;

  const Tree& tree_;
  ServerCounts& counts_;
  std::uint32_t carried_bytes_;
  std::uint32_t message_bytes_;
  bool agreed_ = false;  // on a version
  std::map<std::uint32_t, Fid> fids_;
  std::map<std::uint16_t, Pending> pending_;  // by tag
  std::uint64_t next_number_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs::files
