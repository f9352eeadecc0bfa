// What a mount shows: one directory of service files. How an open file behaves is its own business; 9P is the server's.
//
// Owned by the loop's thread. Errors are errnos of Linux, as the guest's program gets them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vs::files {

// A file as one open of it sees it. Gone, it answers nothing any more.
class OpenFile {
 public:
  using Answer = std::function<void(int error, std::string_view bytes)>;

  virtual ~OpenFile() = default;
  // One message, taken whole: 0 or an errno.
  virtual int write(std::string_view bytes) = 0;
  // At most so many bytes from `offset`; none: the end. `answer` is called once, now or later, unless this is gone by then.
  virtual void read(std::uint64_t offset, std::size_t bytes_max, Answer answer) = 0;
};

class File {
 public:
  virtual ~File() = default;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool writable() const { return writable_; }
  virtual std::unique_ptr<OpenFile> open() = 0;

 protected:
  File(std::string name, bool writable) : name_(std::move(name)), writable_(writable) {}

 private:
  std::string name_;
  bool writable_;
};

// In the order of their names. A file that was taken out lives on while it is open.
using Tree = std::vector<std::shared_ptr<File>>;

// Reads text as a file: the bytes at `offset`.
inline std::string_view slice(std::string_view text, std::uint64_t offset, std::size_t bytes_max) {
  return offset >= text.size() ? std::string_view() : text.substr(offset, bytes_max);
}

}  // namespace vs::files
