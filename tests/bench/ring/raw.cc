// The raw link: a pair of unix sockets and nothing else. Seqpacket where the kernel takes a message whole, else a stream.
// wait=spin looks with MSG_DONTWAIT, the others block in recv.
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/bench/ring/exchange.h"

namespace vs::bench {
namespace {

constexpr std::size_t kPacketBytesMax = 64 << 10;
constexpr int kBufferBytes = 1 << 20;  // wanted; the kernel gives what net.core.wmem_max allows

struct Sockets {
  explicit Sockets(const Options& options) {
    const int type = options.payload_bytes <= kPacketBytesMax ? SOCK_SEQPACKET : SOCK_STREAM;
    must(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
    for (const int end : ends) must(::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes) == 0, "buffer");
  }
  std::array<int, 2> ends{};
};

class End {
 public:
  End(int socket, const Options& options)
      : socket_(socket),
        flags_(options.wait == Wait::spin ? MSG_DONTWAIT : 0),
        own_(options.payload_bytes, 'r'),
        into_(options.payload_bytes) {}

  void send(Head head) {
    std::memcpy(own_.data(), &head, sizeof head);
    send_all(own_);
  }
  void flush() {}

  Head receive() {
    for (std::size_t done = 0; done < into_.size();) {
      const ssize_t bytes = ::recv(socket_, into_.data() + done, into_.size() - done, flags_);
      if (bytes > 0)
        done += static_cast<std::size_t>(bytes);
      else
        again(bytes == 0, "recv");
    }
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  Head echo() {
    const Head head = receive();
    send_all(into_);
    return head;
  }
  void settle() {}

 private:
  void send_all(const std::vector<char>& message) {
    for (std::size_t done = 0; done < message.size();) {
      const ssize_t bytes = ::send(socket_, message.data() + done, message.size() - done, flags_ | MSG_NOSIGNAL);
      if (bytes > 0)
        done += static_cast<std::size_t>(bytes);
      else
        again(bytes == 0, "send");
    }
  }
  static void again(bool ended, const char* doing) {
    if (ended) die("the other side is gone");
    must(errno == EAGAIN, doing);
    pause();
  }

  int socket_;
  int flags_;
  std::vector<char> own_;
  std::vector<char> into_;
};

struct Near : End {
  Near(const Sockets& sockets, const Options& options) : End(sockets.ends[0], options) {}
};
struct Far : End {
  Far(const Sockets& sockets, const Options& options) : End(sockets.ends[1], options) {}
};

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) { return vs::bench::run_exchange<vs::bench::Sockets, vs::bench::Near, vs::bench::Far>(count, words); }
