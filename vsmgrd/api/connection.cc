#include "vsmgrd/api/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include "base/log.h"
#include "vsmgrd/api/connection_reading.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/stream.h"
#include "vsmgrd/api/tls.h"

namespace vs::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast::http;
using Failure = boost::system::error_code;

inline constexpr std::size_t kReadBytes = 8 * 1024;
inline constexpr std::size_t kLingerBytesMax = 4 * 1024 * 1024;
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(const Owner& owner, Socket socket, Origin origin)
    : owner_(owner),
      socket_(std::move(socket)),
      origin_(std::move(origin)),
      timer_(socket_.get_executor()),
      reading_(std::make_unique<Reading>()) {
  owner_.counters.connections(+1);
}

Connection::~Connection() { owner_.counters.connections(-1); }

void Connection::start() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    return self->socket_.in_tls() ? self->shake_hands() : self->next_request();
  });
}

void Connection::shake_hands() {
  enter(Phase::handshake, owner_.options.handshake_timeout);
  socket_.async_handshake([self = shared_from_this()](Failure failure) {
    if (self->phase_ == Phase::closed) return;
    if (self->expired_) return self->timed_out();
    if (failure) {
      log::debug("http.no_tls", {{"address", self->origin_.address}, {"why", failure.message()}});
      self->owner_.counters.handshake_failed();
      return self->close();
    }
    ClientCertificate shown = client_certificate(self->socket_.tls());
    self->origin_.certificate_sha256 = std::move(shown.sha256);
    self->origin_.certificate_subject = std::move(shown.subject);
    self->origin_.certificate_node = std::move(shown.node);
    self->next_request();
  });
}

std::optional<Connection::Standing> Connection::standing() const {
  const auto since = since_.load();
  switch (phase_) {
    case Phase::handshake:
    case Phase::lingering: return Standing{0, since};
    case Phase::header:
    case Phase::body: return Standing{serial_ == 0 ? 0 : 1, since};
    case Phase::writing: return Standing{2, since};
    case Phase::idle: return Standing{serial_ == 0 ? 0 : 3, since};
    case Phase::handling:
    case Phase::streaming:
    case Phase::closed: return std::nullopt;
  }
  __builtin_unreachable();
}

void Connection::drain() {
  net::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->stream_) return self->stream_->end();
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
  // Until the path is known.
  reading_->parser->body_limit(std::max(owner_.options.documents_bytes_max, owner_.options.message_bytes_max));
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
  if (in.parser->content_length().value_or(0) > body_bytes_max()) return refuse_too_long(Limit::body_bytes);
  in.parser->body_limit(body_bytes_max());
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
  const std::uint64_t serial = ++serial_;
  waiting_ = serial;
  const bool taken = owner_.arrived({.from = shared_from_this(),
                                     .serial = serial,
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
    const bool last = !self->reading_->head.keep_alive || self->owner_.draining || response.stream;
    self->write(response, !last, sent);
  });
}

void Connection::enter(Phase phase, std::chrono::milliseconds deadline) {
  phase_ = phase;
  since_ = std::chrono::steady_clock::now();
  expired_ = false;
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this(), serial = ++deadline_](Failure failure) {
    if (!failure && serial == self->deadline_) self->on_deadline();
  });
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::handshake:
    case Phase::idle:
    case Phase::header:
    case Phase::body:
      expired_ = true;  // the pending read or write comes back and sees it
      return socket_.cancel();
    case Phase::handling:
      owner_.counters.hit(Limit::handler_time);
      return refuse(503, "no answer in time; what was asked may still happen");
    case Phase::writing: owner_.counters.hit(Limit::write_time); return close();
    case Phase::streaming: owner_.counters.hit(Limit::stream_time); return close();
    case Phase::lingering: return close();
    case Phase::closed: return;
  }
}

void Connection::timed_out() {
  if (phase_ == Phase::handshake) {
    owner_.counters.hit(Limit::handshake_time);
    return close();
  }
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

std::size_t Connection::body_bytes_max() const {
  const std::string_view path = std::string_view(reading_->head.target).substr(0, reading_->head.target.find('?'));
  if (path == kPeerMessagesPath && !origin_.certificate_node.empty()) return owner_.options.message_bytes_max;
  const bool documents = path == "/v1/apply" || path == "/v1/diff";
  return documents ? owner_.options.documents_bytes_max : owner_.options.body_bytes_max;
}

void Connection::refuse_too_long(Limit limit) {
  owner_.counters.hit(limit);
  if (limit == Limit::body_bytes)
    return refuse(413,
                  "body longer than " + std::to_string(body_bytes_max()) + " bytes");
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
  if (response.stream && reading_->head.method != "HEAD") {
    if (owner_.counters.stream_count() >= static_cast<std::int64_t>(owner_.options.streams_max)) {
      owner_.counters.hit(Limit::streams);
      if (sent_) std::exchange(sent_, nullptr)();
      return refuse(503, "too many streams at once");
    }
    owner_.counters.streams(+1);
    stream_ = response.stream;
  }
  enter(Phase::writing, owner_.options.write_timeout);
  out_ = response_text(response, {.version = reading_->head.version,
                                  .keep_alive = keep_alive,
                                  .head_only = reading_->head.method == "HEAD",
                                  .date = owner_.clock.wall()});
  net::async_write(socket_, net::buffer(out_), [self = shared_from_this(), keep_alive](Failure failure, std::size_t) {
    self->on_written(bool(failure), keep_alive);
  });
}

void Connection::on_written(bool failed, bool keep_alive) {
  if (sent_) std::exchange(sent_, nullptr)();
  if (phase_ == Phase::closed) return;
  if (!failed && stream_) return begin_stream();
  if (failed || owner_.draining) return close();
  if (keep_alive) return next_request();
  // A request that was read to its end leaves nothing to take from the client.
  return reading_->parser->is_done() ? close() : linger();
}

void Connection::begin_stream() {
  const auto pump = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump_stream();
  };
  stream_->on_text([pump, executor = socket_.get_executor()] { net::post(executor, pump); });
  if (owner_.draining) stream_->end();
  phase_ = Phase::streaming;
  timer_.cancel();
  ++deadline_;
  watch_for_end();
  pump_stream();
}

// Sends what there is; without anything, on_text comes back here.
void Connection::pump_stream() {
  if (phase_ != Phase::streaming || pumping_) return;
  const bool last = stream_->drained();
  const std::string part = last ? std::string() : stream_->take();
  if (!last && part.empty()) return;
  const bool chunked = reading_->head.version >= 11;
  if (last && !chunked) return close();
  pumping_ = true;
  enter(Phase::streaming, owner_.options.write_timeout);
  out_ = chunked ? chunk_text(part) : part;
  net::async_write(socket_, net::buffer(out_), [self = shared_from_this(), last](Failure failure, std::size_t) {
    self->on_pumped(bool(failure), last);
  });
}

void Connection::on_pumped(bool failed, bool last) {
  pumping_ = false;
  if (phase_ == Phase::closed) return;
  if (failed || last) return close();
  timer_.cancel();
  ++deadline_;
  pump_stream();
}

// Notices a client that goes; what it sends is not taken: there is no further request here.
void Connection::watch_for_end() {
  socket_.async_read_some(reading_->buffer.prepare(1),
                          [self = shared_from_this()](Failure failure, std::size_t) {
                            if (failure) self->close();
                          });
}

void Connection::linger() {
  if (phase_ != Phase::lingering) {
    enter(Phase::lingering, owner_.options.linger_timeout);
    socket_.end_sending();
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
  if (stream_) {
    owner_.counters.streams(-1);
    std::exchange(stream_, nullptr)->close();
  }
  socket_.close();
  owner_.closed(*this);
}

}  // namespace vs::http
