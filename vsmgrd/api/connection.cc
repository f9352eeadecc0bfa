#include "vsmgrd/api/connection.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/log.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/unix_socket.h"

namespace vs::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast::http;
using Failure = boost::system::error_code;

inline constexpr std::size_t kReadBytes = 8 * 1024;
inline constexpr std::size_t kLingerBytesMax = 4 * 1024 * 1024;
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Head head_of(const beast::request_parser<beast::string_body>& parser) {
  const auto& message = parser.get();
  Head head{.method = std::string(message.method_string()),
            .target = std::string(message.target()),
            .version = message.version(),
            .keep_alive = parser.keep_alive()};
  for (const auto& field : message)
    head.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return head;
}

}  // namespace

struct Connection::Reading {
  boost::beast::flat_buffer buffer;
  std::optional<beast::request_parser<beast::string_body>> parser;
  std::size_t header_bytes = 0;
  bool head_known = false;
  Head head;  // taken before the body: trailers that follow it are not headers
  std::size_t lingered_bytes = 0;
};

Connection::Connection(const Owner& owner, Socket socket)
    : owner_(owner),
      socket_(std::move(socket)),
      peer_(peer_of(socket_.native_handle())),
      timer_(socket_.get_executor()),
      reading_(std::make_unique<Reading>()) {
  owner_.counters.connections(+1);
}

Connection::~Connection() { owner_.counters.connections(-1); }

void Connection::start() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->next_request(); });
}

void Connection::drain() {
  net::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->phase_ != Phase::handling && self->phase_ != Phase::writing) self->close();
  });
}

void Connection::abort() {
  net::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
}

void Connection::next_request() {
  if (owner_.draining || phase_ == Phase::closed) return close();
  const bool first = serial_ == 0;
  reading_->parser.emplace();
  reading_->parser->header_limit(static_cast<std::uint32_t>(owner_.options.header_bytes_max));
  reading_->parser->body_limit(owner_.options.body_bytes_max);
  reading_->header_bytes = 0;
  reading_->head_known = false;
  reading_->head = {};
  // A client that connects and says nothing holds a place as one does that is slow with its header.
  enter(Phase::idle, first ? owner_.options.header_timeout : owner_.options.idle_timeout);
  if (reading_->buffer.size() == 0) return read();
  enter(Phase::header, owner_.options.header_timeout);
  feed();
}

// Reads and parses by hand, not with Beast's composed operations: those go on reading when the
// deadline falls between two of their steps. Here each step passes on_read, which looks.
void Connection::read() {
  socket_.async_read_some(reading_->buffer.prepare(kReadBytes),
                          [self = shared_from_this()](Failure failure, std::size_t bytes) {
                            self->on_read(bool(failure), bytes);
                          });
}

void Connection::on_read(bool failed, std::size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (expired_) return timed_out();
  if (failed) {
    // A client may close its sending half and still read: tell it, if it had begun.
    return phase_ == Phase::idle ? close() : refuse_malformed("the request ended half-way");
  }
  reading_->buffer.commit(bytes);
  if (phase_ == Phase::idle) enter(Phase::header, owner_.options.header_timeout);
  feed();
}

void Connection::feed() { return reading_->head_known ? feed_body() : feed_header(); }

void Connection::feed_header() {
  Reading& in = *reading_;
  Failure failure;
  const std::size_t used = in.parser->put(in.buffer.data(), failure);
  in.buffer.consume(used);
  in.header_bytes += used;
  const bool more = failure == beast::error::need_more;
  // The parser counts request line and fields apart; the limit is on both together.
  const std::size_t bytes = in.header_bytes + (more ? in.buffer.size() : 0);
  if (failure == beast::error::header_limit || bytes > owner_.options.header_bytes_max)
    return refuse_too_long(Limit::header_bytes);
  if (more) return read();
  if (failure == beast::error::body_limit) return refuse_too_long(Limit::body_bytes);
  if (failure) return refuse_malformed(failure.message());
  on_header();
}

void Connection::on_header() {
  Reading& in = *reading_;
  in.head = head_of(*in.parser);
  in.head_known = true;
  if (auto sound = check_head(in.head); !sound) return refuse_malformed(sound.error().message);
  if (in.parser->is_done()) return hand_over();
  in.parser->eager(true);
  enter(Phase::body, owner_.options.body_timeout);
  const std::string_view expect = in.head.field("Expect");
  if (expect.empty() || in.head.version < 11) return feed_body();
  if (!same_word(expect, "100-continue")) return refuse(417, "Expect: only 100-continue is known");
  return in.buffer.size() > 0 ? feed_body() : send_continue();
}

void Connection::send_continue() {
  net::async_write(socket_, net::buffer(kContinue),
                   [self = shared_from_this()](Failure failure, std::size_t) {
                     if (self->phase_ == Phase::closed) return;
                     if (self->expired_) return self->timed_out();
                     return failure ? self->close() : self->read();
                   });
}

void Connection::feed_body() {
  Reading& in = *reading_;
  Failure failure = beast::error::need_more;
  if (in.buffer.size() > 0) in.buffer.consume(in.parser->put(in.buffer.data(), failure));
  if (failure && failure != beast::error::need_more) {
    return failure == beast::error::body_limit ? refuse_too_long(Limit::body_bytes)
                                               : refuse_malformed(failure.message());
  }
  if (in.parser->is_done()) return hand_over();
  // What is left unparsed is the head of a chunk, or trailers.
  if (in.buffer.size() > owner_.options.header_bytes_max)
    return refuse_too_long(Limit::header_bytes);
  read();
}

void Connection::hand_over() {
  enter(Phase::handling, owner_.options.handler_timeout);
  waiting_ = ++serial_;
  const bool taken = owner_.arrived({.from = shared_from_this(),
                                     .serial = serial_,
                                     .head = reading_->head,
                                     .body = std::move(reading_->parser->get().body())});
  if (taken) return;
  owner_.counters.hit(Limit::requests);
  refuse(503, "too many requests at once, or stopping");
}

void Connection::answer(std::uint64_t serial, Response response, Sent sent) {
  net::post(socket_.get_executor(), [self = shared_from_this(), serial,
                                     response = std::move(response), sent = std::move(sent)] {
    if (!self->waiting(serial)) return sent();
    self->waiting_ = 0;
    self->write(response, self->reading_->head.keep_alive && !self->owner_.draining, sent);
  });
}

void Connection::enter(Phase phase, std::chrono::milliseconds deadline) {
  phase_ = phase;
  expired_ = false;
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this(), serial = ++deadline_](Failure failure) {
    if (!failure && serial == self->deadline_) self->on_deadline();
  });
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::idle:
    case Phase::header:
    case Phase::body:
      expired_ = true;  // the pending read or write comes back and sees it
      return void(socket_.cancel());
    case Phase::handling:
      owner_.counters.hit(Limit::handler_time);
      return refuse(503, "no answer in time; what was asked may still happen");
    case Phase::writing: owner_.counters.hit(Limit::write_time); return close();
    case Phase::lingering: return close();
    case Phase::closed: return;
  }
}

void Connection::timed_out() {
  if (phase_ == Phase::idle) {
    owner_.counters.hit(serial_ == 0 ? Limit::header_time : Limit::idle_time);
    return close();
  }
  owner_.counters.hit(phase_ == Phase::header ? Limit::header_time : Limit::body_time);
  refuse(408, phase_ == Phase::header ? "the request's header did not arrive in time"
                                      : "the request's body did not arrive in time");
}

void Connection::refuse_malformed(std::string detail) {
  owner_.counters.malformed();
  refuse(400, std::move(detail));
}

void Connection::refuse_too_long(Limit limit) {
  owner_.counters.hit(limit);
  if (limit == Limit::body_bytes)
    return refuse(413,
                  "body longer than " + std::to_string(owner_.options.body_bytes_max) + " bytes");
  refuse(431, "header longer than " + std::to_string(owner_.options.header_bytes_max) + " bytes");
}

void Connection::refuse(int status, std::string detail) {
  waiting_ = 0;
  const ErrorCode code = status >= 500 ? ErrorCode::unavailable : ErrorCode::invalid;
  const std::string id = request_id(reading_->head.field("X-Request-Id"));
  log::debug("http.refused", {{"status", status}, {"detail", detail}, {"request", id}});
  write(problem_response({status, code, std::move(detail)}, id), false, [] {});
}

void Connection::write(const Response& response, bool keep_alive, Sent sent) {
  sent_ = std::move(sent);
  enter(Phase::writing, owner_.options.write_timeout);
  out_ = response_text(response, {.version = reading_->head.version,
                                  .keep_alive = keep_alive,
                                  .head_only = reading_->head.method == "HEAD",
                                  .date = owner_.clock.wall()});
  net::async_write(socket_, net::buffer(out_),
                   [self = shared_from_this(), keep_alive](Failure failure, std::size_t) {
                     self->on_written(bool(failure), keep_alive);
                   });
}

void Connection::on_written(bool failed, bool keep_alive) {
  if (sent_) std::exchange(sent_, nullptr)();
  if (phase_ == Phase::closed) return;
  if (failed || owner_.draining) return close();
  if (keep_alive) return next_request();
  // A request that was read to its end leaves nothing to take from the client.
  return reading_->parser->is_done() ? close() : linger();
}

void Connection::linger() {
  if (phase_ != Phase::lingering) {
    enter(Phase::lingering, owner_.options.linger_timeout);
    Failure ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  reading_->buffer.clear();
  socket_.async_read_some(reading_->buffer.prepare(kReadBytes),
                          [self = shared_from_this()](Failure failure, std::size_t bytes) {
                            if (self->phase_ == Phase::closed) return;
                            self->reading_->lingered_bytes += bytes;
                            const bool enough = self->reading_->lingered_bytes > kLingerBytesMax;
                            return failure || enough ? self->close() : self->linger();
                          });
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  waiting_ = 0;
  ++deadline_;
  timer_.cancel();
  Failure ignored;
  socket_.close(ignored);
  owner_.closed(*this);
}

}  // namespace vs::http
