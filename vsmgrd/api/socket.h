// A connected stream of bytes, in the clear or in TLS, as Asio's operations expect one.
//
// Lives on its strand. Cancelling, shutting down and closing act on the socket beneath TLS. Includes
// Asio: for the files of vs_http only.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <openssl/ssl.h>

namespace vs::http {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;

class Socket {
 public:
  using Plain = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Strand>;
  using executor_type = Strand;
  using Failure = boost::system::error_code;

  explicit Socket(Plain plain) : plain_(std::move(plain)) {}
  Socket(Plain plain, SSL_CTX* context) {
    SSL_CTX_up_ref(context);  // the next line takes one
    boost::asio::ssl::context shared(context);
    tls_ = std::make_unique<Tls>(std::move(plain), shared);
  }

  [[nodiscard]] bool in_tls() const { return tls_ != nullptr; }
  [[nodiscard]] SSL* tls() { return tls_->native_handle(); }
  executor_type get_executor() { return lowest().get_executor(); }
  int native_handle() { return lowest().native_handle(); }

  template <class Handler>
  void async_connect(const Plain::endpoint_type& to, Handler&& handler) {
    lowest().async_connect(to, std::forward<Handler>(handler));
  }
  // As the end that was connected to, or as the one that connected.
  template <class Handler>
  void async_handshake(Handler&& handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_handshake_as_client(Handler&& handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::client, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Handler>(handler));
    plain_->async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Handler>(handler));
    plain_->async_write_some(buffers, std::forward<Handler>(handler));
  }

  void cancel() {
    Failure ignored;
    lowest().cancel(ignored);
  }
  void end_sending() {
    Failure ignored;
    lowest().shutdown(Plain::shutdown_send, ignored);
  }
  void close() {
    Failure ignored;
    lowest().close(ignored);
  }

 private:
  using Tls = boost::asio::ssl::stream<Plain>;
  Plain& lowest() { return tls_ ? tls_->next_layer() : *plain_; }

  std::optional<Plain> plain_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace vs::http
