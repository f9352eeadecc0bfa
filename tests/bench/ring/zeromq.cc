// ZeroMQ: a pair of PAIR sockets over ipc://, as they come. Only wait=block: its own I/O threads sleep in epoll whatever the
// program does.
#include <zmq.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/ring/exchange.h"

namespace vs::bench {
namespace {

struct Address {
  explicit Address(const Options& options) : text("ipc://") {
    text.append(options.scratch).append("/zeromq");
    if (options.wait != Wait::block) die("zeromq: only wait=block");
  }
  std::string text;
};

void check(bool fine, const char* doing) {
  if (!fine) die(std::string(doing) + ": " + zmq_strerror(zmq_errno()));
}

struct EndContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};

class End {
 public:
  explicit End(const Options& options)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_.get(), ZMQ_PAIR)), own_(options.payload_bytes, 'z'), into_(own_) {
    check(socket_ != nullptr, "zmq_socket");
  }

  void send(Head head) {
    std::memcpy(own_.data(), &head, sizeof head);
    check(zmq_send(socket_.get(), own_.data(), own_.size(), 0) >= 0, "zmq_send");
  }
  void flush() {}

  Head receive() {
    check(zmq_recv(socket_.get(), into_.data(), into_.size(), 0) == static_cast<int>(into_.size()), "zmq_recv");
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  // The message itself goes back: no copy of ours.
  Head echo() {
    zmq_msg_t message;
    zmq_msg_init(&message);
    check(zmq_msg_recv(&message, socket_.get(), 0) >= 0, "zmq_msg_recv");
    Head head;
    std::memcpy(&head, zmq_msg_data(&message), sizeof head);
    check(zmq_msg_send(&message, socket_.get(), 0) >= 0, "zmq_msg_send");
    return head;
  }
  void settle() {}

 protected:
  [[nodiscard]] void* socket() const { return socket_.get(); }

 private:
  std::unique_ptr<void, EndContext> context_;
  std::unique_ptr<void, CloseSocket> socket_;
  std::vector<char> own_;
  std::vector<char> into_;
};

struct Near : End {
  Near(const Address& address, const Options& options) : End(options) {
    check(zmq_bind(socket(), address.text.c_str()) == 0, "zmq_bind");
  }
};
struct Far : End {
  Far(const Address& address, const Options& options) : End(options) {
    check(zmq_connect(socket(), address.text.c_str()) == 0, "zmq_connect");
  }
};

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) { return vs::bench::run_exchange<vs::bench::Address, vs::bench::Near, vs::bench::Far>(count, words); }
