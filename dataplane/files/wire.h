// Messages of 9P2000.L, the protocol of Linux's 9p file system, as bytes: size[4] type[1] tag[2], then fields; all little-endian.
//
// Source: Linux, include/net/9p/9p.h and net/9p/client.c; the 9P2000.L description of diod. Values; pure.
// A Parser reads what a guest wrote: it never reads past its end, and says at its end whether all was there and nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vs::files {

// What a client asks; its answer is the next number.
enum class MessageType : std::uint8_t {
  error = 6,  // only as an answer: Rlerror
  statfs = 8,
  open = 12,
  create = 14,
  symlink = 16,
  mknod = 18,
  rename = 20,
  readlink = 22,
  getattr = 24,
  setattr = 26,
  xattrwalk = 30,
  xattrcreate = 32,
  readdir = 40,
  fsync = 50,
  lock = 52,
  getlock = 54,
  link = 70,
  mkdir = 72,
  renameat = 74,
  unlinkat = 76,
  version = 100,
  auth = 102,
  attach = 104,
  flush = 108,
  walk = 110,
  read = 116,
  write = 118,
  clunk = 120,
  remove = 122,
};

inline constexpr std::size_t kHeaderBytes = 7;
inline constexpr std::uint32_t kNoFid = 0xffff'ffff;
inline constexpr std::uint16_t kNoTag = 0xffff;
inline constexpr std::size_t kWalkNamesMax = 16;  // P9_MAXWELEM

// What a file is, whatever its name: the server's own number for it.
struct Qid {
  bool directory = false;
  std::uint64_t path = 0;
};

class Parser {
 public:
  explicit Parser(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  // length[2] and so many bytes; valid as long as the message.
  std::string_view text() { return bytes(u16()); }
  std::string_view bytes(std::size_t count);

  [[nodiscard]] bool good() const { return good_; }
  // All fields were there, and nothing behind them.
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

 private:
  std::uint64_t number(std::size_t count);

  std::span<const std::byte> rest_;
  bool good_ = true;
};

// One answer. Its size is put in by finish().
class Writer {
 public:
  Writer(std::uint8_t type, std::uint16_t tag);

  Writer& u8(std::uint8_t value) { return number(value, 1); }
  Writer& u16(std::uint16_t value) { return number(value, 2); }
  Writer& u32(std::uint32_t value) { return number(value, 4); }
  Writer& u64(std::uint64_t value) { return number(value, 8); }
  Writer& text(std::string_view value);  // at most 65,535 bytes
  Writer& bytes(std::string_view value);
  Writer& qid(const Qid& qid);

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  std::span<const std::byte> finish();

 private:
  Writer& number(std::uint64_t value, std::size_t count);

  std::vector<std::byte> bytes_;
};

}  // namespace vs::files
