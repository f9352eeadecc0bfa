#include "vsmgrd/api/peer_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/unique_fd.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast::http;

inline constexpr std::size_t kAnswerReadBytes = 8 * 1024;
inline constexpr std::uint64_t kAnswerBytesMax = 64 * 1024;
inline constexpr std::uint32_t kAnswerHeaderBytesMax = 16 * 1024;
inline constexpr std::size_t kTroubleBytesMax = 512;
inline constexpr unsigned kHeard = 202;

// What the other says is wrong with a message.
std::string detail_of(const std::string& body) {
  const auto problem = nlohmann::json::parse(body, nullptr, false);
  if (!problem.is_object()) return {};
  const auto detail = problem.find("detail");
  return detail != problem.end() && detail->is_string() ? ": " + detail->get<std::string>() : std::string();
}

}  // namespace

template <class Step>
auto PeerLink::of_this_wire(Step step) {
  return [self = shared_from_this(), wire = wire_, step](Failure failure, std::size_t bytes = 0) {
    if (wire == self->wire_) step(*self, failure, bytes);
  };
}

PeerLink::PeerLink(net::io_context& io, std::string name, const PeerLimits& limits, Way way)
    : name_(std::move(name)),
      limits_(limits),
      strand_(net::make_strand(io)),
      timer_(strand_),
      pause_(limits.pause),
      shared_(Shared{.way = std::move(way)}) {}

void PeerLink::send(const std::string& body) {
  auto text = std::make_shared<const std::string>(
      fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", kPeerMessagesPath,
                  name_, body.size(), body));
  auto* const full = shared_.with([&](Shared& shared) -> std::atomic<std::uint64_t>* {
    if (shared.queue.size() >= limits_.queue_messages_max) return &no_room_;
    if (shared.bytes + text->size() > limits_.queue_bytes_max) return &no_room_bytes_;
    shared.bytes += text->size();
    shared.queue.push_back(std::move(text));
    return nullptr;
  });
  if (full != nullptr) return void(++*full);
  net::post(strand_, [self = shared_from_this()] { self->go_on(); });
}

void PeerLink::use(Way way) {
  shared_.with([&](Shared& shared) { shared.way = std::move(way); });
  net::post(strand_, [self = shared_from_this()] {
    if (self->phase_ == Phase::ready) {
      self->drop_wire();
      self->phase_ = Phase::idle;
    }
    if (self->wire_) self->wire_->last = true;
  });
}

void PeerLink::close() {
  net::post(strand_, [self = shared_from_this()] {
    self->drop_wire();
    self->phase_ = Phase::closed;
    self->timer_.cancel();
  });
}

void PeerLink::go_on() {
  if (phase_ != Phase::idle && phase_ != Phase::ready) return;
  if (!under_way_) {
    under_way_ = shared_.with([](Shared& shared) -> Text {
      if (shared.queue.empty()) return nullptr;
      Text first = std::move(shared.queue.front());
      shared.queue.pop_front();
      shared.bytes -= first->size();
      return first;
    });
    again_ = false;
  }
  if (!under_way_) return;
  return phase_ == Phase::ready ? write() : connect();
}

void PeerLink::connect() {
  const Way way = shared_.with([](const Shared& shared) { return shared.way; });
  const int family = way.address.address.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed(fmt::format("no socket: {}", std::strerror(errno)));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const net::generic::stream_protocol protocol(family, SOCK_STREAM);
  wire_ = std::make_shared<Wire>(Socket(Socket::Plain(strand_, protocol, fd.release()), way.context.get()));
  SSL* const tls = wire_->socket.tls();
  if (SSL_set1_host(tls, name_.c_str()) != 1 || SSL_set_tlsext_host_name(tls, name_.c_str()) != 1) return failed("out of memory");
  enter(Phase::connecting, limits_.connect);
  const net::generic::stream_protocol::endpoint to(&way.address.address, way.address.bytes);
  wire_->socket.async_connect(to, of_this_wire([](PeerLink& link, Failure failure, std::size_t) {
    return failure ? link.failed("cannot be connected to: " + failure.message()) : link.shake_hands();
  }));
}

void PeerLink::shake_hands() {
  enter(Phase::shaking, limits_.handshake);
  wire_->socket.async_handshake_as_client(
      of_this_wire([](PeerLink& link, Failure failure, std::size_t) { link.on_shaken(failure); }));
}

void PeerLink::on_shaken(Failure failure) {
  if (failure) return failed(words_for(failure));
  wire_->parser.emplace();
  read();
  write();
}

// Whether the other takes our certificate shows in what is read; so a write that fails leaves it to the read to say why.
void PeerLink::write() {
  enter(Phase::writing, limits_.write);
  net::async_write(wire_->socket, net::buffer(*under_way_),
                   [self = shared_from_this(), wire = wire_, text = under_way_](Failure failure, std::size_t) {
                     if (wire != self->wire_ || self->phase_ != Phase::writing || failure) return;
                     self->enter(Phase::answering, self->limits_.answer);
                   });
}

// All the time, so that a connection that the other closes is known before it is used.
void PeerLink::read() {
  wire_->socket.async_read_some(wire_->buffer.prepare(kAnswerReadBytes),
                                of_this_wire([](PeerLink& link, Failure failure, std::size_t bytes) { link.on_read(failure, bytes); }));
}

void PeerLink::on_read(Failure failure, std::size_t bytes) {
  if (failure) return lost(words_for(failure));
  wire_->buffer.commit(bytes);
  if (phase_ != Phase::writing && phase_ != Phase::answering) return lost("says something unasked");
  take_answer();
}

void PeerLink::take_answer() {
  auto& parser = *wire_->parser;
  parser.header_limit(kAnswerHeaderBytesMax);
  parser.body_limit(kAnswerBytesMax);
  parser.eager(true);
  Failure failure;
  wire_->buffer.consume(parser.put(wire_->buffer.data(), failure));
  if (failure && failure != beast::error::need_more) return failed("its answer is none: " + failure.message());
  return parser.is_done() ? answered() : read();
}

void PeerLink::answered() {
  const auto& answer = wire_->parser->get();
  const bool heard = answer.result_int() == kHeard;
  if (heard) shared_.with([](Shared& shared) { shared.heard = true; });
  say(heard ? std::string() : fmt::format("answers {}{}", answer.result_int(), detail_of(answer.body())));
  ++(heard ? sent_ : failed_);
  pause_ = limits_.pause;
  under_way_.reset();
  timer_.cancel();
  ++deadline_;
  // One that answers before it has read all of the message reads no other after it.
  const bool stays = phase_ == Phase::answering && wire_->parser->keep_alive() && !wire_->last;
  phase_ = stays ? Phase::ready : Phase::idle;
  if (stays) {
    wire_->used = true;
    wire_->parser.emplace();
    read();
  } else {
    drop_wire();
  }
  go_on();
}

// The connection ended. One that was there before may have been closed before this message came: it gets a second try.
void PeerLink::lost(const std::string& why) {
  if (phase_ == Phase::ready) {
    drop_wire();
    phase_ = Phase::idle;
    return go_on();
  }
  if (!wire_->used || again_ || wire_->parser->got_some()) return failed(why);
  again_ = true;
  drop_wire();
  connect();
}

void PeerLink::failed(std::string why) {
  drop_wire();
  std::uint64_t lost = under_way_ ? 1 : 0;
  under_way_.reset();
  shared_.with([&](Shared& shared) {
    lost += shared.queue.size();
    shared.queue.clear();
    shared.bytes = 0;
  });
  failed_ += lost;
  say(std::move(why));
  enter(Phase::pausing, pause_);
  pause_ = std::min(2 * pause_, limits_.pause_max);
}

void PeerLink::say(std::string trouble) {
  if (trouble.size() > kTroubleBytesMax) trouble.resize(kTroubleBytesMax);
  const bool news = shared_.with([&](Shared& shared) { return std::exchange(shared.trouble, trouble) != trouble; });
  if (!news) return;
  if (trouble.empty()) return log::info("peer.reached", {{"peer", name_}});
  log::warn("peer.not_reached", {{"peer", name_}, {"why", trouble}});
}

void PeerLink::drop_wire() {
  if (const auto wire = std::exchange(wire_, nullptr)) wire->socket.close();
}

void PeerLink::enter(Phase phase, std::chrono::milliseconds deadline) {
  phase_ = phase;
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this(), serial = ++deadline_](Failure failure) {
    if (!failure && serial == self->deadline_) self->on_deadline();
  });
}

void PeerLink::on_deadline() {
  switch (phase_) {
    case Phase::connecting: return failed(fmt::format("cannot be connected to within {} ms", limits_.connect.count()));
    case Phase::shaking: return failed(fmt::format("agrees on no TLS within {} ms", limits_.handshake.count()));
    case Phase::writing: return failed(fmt::format("takes no message within {} ms", limits_.write.count()));
    case Phase::answering: return failed(fmt::format("does not answer within {} ms", limits_.answer.count()));
    case Phase::pausing: phase_ = Phase::idle; return go_on();
    case Phase::idle:
    case Phase::ready:
    case Phase::closed: return;
  }
}

std::string PeerLink::words_for(Failure failure) {
  const long verdict = SSL_get_verify_result(wire_->socket.tls());
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) return "its certificate is not that of " + name_;
  if (verdict != X509_V_OK) return fmt::format("its certificate does not hold: {}", X509_verify_cert_error_string(verdict));
  if (failure.category() == net::error::get_ssl_category() && failure != net::ssl::error::stream_truncated)
    return "does not agree on TLS with our certificate: " + failure.message();
  if (failure == net::error::eof || failure == net::ssl::error::stream_truncated) return "closed the connection";
  return "lost the connection: " + failure.message();
}

handoff::PeerView PeerLink::view() const {
  return shared_.with([this](const Shared& shared) {
    return handoff::PeerView{
        .name = name_, .address = shared.way.shown, .heard = shared.heard, .trouble = shared.trouble};
  });
}

void PeerLink::add_samples(std::vector<Sample>& samples) const {
  const auto add = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value, const char* reason = nullptr) {
    Sample sample{.name = name, .help = help, .labels = {{"peer", name_}}, .value = static_cast<double>(value.load())};
    if (reason != nullptr) sample.labels.emplace_back("reason", reason);
    samples.push_back(std::move(sample));
  };
  constexpr const char* kDropped = "vservices_peer_messages_dropped_total";
  constexpr const char* kDroppedHelp = "Messages to other nodes for which the queue had no room.";
  add("vservices_peer_messages_sent_total", "Messages that other nodes heard.", sent_);
  add("vservices_peer_messages_failed_total", "Messages to other nodes that were not delivered, or refused.", failed_);
  add(kDropped, kDroppedHelp, no_room_, "messages");
  add(kDropped, kDroppedHelp, no_room_bytes_, "bytes");
}

}  // namespace vs::http
