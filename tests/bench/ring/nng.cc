// NNG: a pair of pair0 sockets over ipc://, with room for some messages in its buffers. Only wait=block: its own threads sleep
// in epoll whatever the program does.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/ring/exchange.h"

namespace vs::bench {
namespace {

constexpr int kMessagesBuffered = 128;

struct Address {
  explicit Address(const Options& options) : text("ipc://") {
    text.append(options.scratch).append("/nng");
    if (options.wait != Wait::block) die("nng: only wait=block");
  }
  std::string text;
};

void check(int status, const char* doing) {
  if (status != 0) die(std::string(doing) + ": " + nng_strerror(status));
}

class End {
 public:
  explicit End(const Options& options) : own_(options.payload_bytes, 'n'), into_(options.payload_bytes) {
    check(nng_pair0_open(&socket_), "nng_pair0_open");
    check(nng_socket_set_int(socket_, NNG_OPT_SENDBUF, kMessagesBuffered), "send buffer");
    check(nng_socket_set_int(socket_, NNG_OPT_RECVBUF, kMessagesBuffered), "receive buffer");
    check(nng_socket_set_size(socket_, NNG_OPT_RECVMAXSZ, 0), "largest message");
  }
  End(const End&) = delete;
  ~End() { nng_close(socket_); }

  void send(Head head) {
    std::memcpy(own_.data(), &head, sizeof head);
    check(nng_send(socket_, own_.data(), own_.size(), 0), "nng_send");
  }
  void flush() {}

  Head receive() {
    std::size_t bytes = into_.size();
    check(nng_recv(socket_, into_.data(), &bytes, 0), "nng_recv");
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  // The message itself goes back: no copy of ours.
  Head echo() {
    nng_msg* message = nullptr;
    check(nng_recvmsg(socket_, &message, 0), "nng_recvmsg");
    Head head;
    std::memcpy(&head, nng_msg_body(message), sizeof head);
    check(nng_sendmsg(socket_, message, 0), "nng_sendmsg");
    return head;
  }
  void settle() {}

 protected:
  [[nodiscard]] nng_socket socket() const { return socket_; }

 private:
  nng_socket socket_{};
  std::vector<char> own_;
  std::vector<char> into_;
};

// Listens before the sides meet, and the other dials after it.
struct Near : End {
  Near(const Address& address, const Options& options) : End(options) {
    check(nng_listen(socket(), address.text.c_str(), nullptr, 0), "nng_listen");
  }
};
struct Far : End {
  Far(const Address& address, const Options& options) : End(options), address_(address.text) {}
  void connected() { check(nng_dial(socket(), address_.c_str(), nullptr, 0), "nng_dial"); }

 private:
  std::string address_;
};

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) { return vs::bench::run_exchange<vs::bench::Address, vs::bench::Near, vs::bench::Far>(count, words); }
