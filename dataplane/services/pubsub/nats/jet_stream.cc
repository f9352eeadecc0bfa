#include "dataplane/services/pubsub/nats/jet_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"

namespace vs::pubsub {
namespace {

using nlohmann::json;

constexpr int kStreamNameInUse = 10058;  // err_code of the server

std::int64_t ns(std::chrono::nanoseconds time) { return time.count(); }

std::string_view header_of(const NatsMessage& message, std::string_view name) {
  for (const auto& [key, value] : message.headers)
    if (key == name) return value;
  return {};
}

template <class Number>
std::optional<Number> decimal(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

struct Place {
  std::string_view name;  // of the consumer
  std::uint64_t stream;
  std::uint64_t consumer;
};

// $JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING, or with DOMAIN.ACCOUNT behind ACK and perhaps more
// at the end (ADR-15 of nats-architecture-and-design).
std::optional<Place> place_of(std::string_view reply) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= reply.size() && parts.size() < 16;) {
    const std::size_t dot = std::min(reply.find('.', at), reply.size());
    parts.push_back(reply.substr(at, dot - at));
    at = dot + 1;
  }
  if (parts.size() < 9 || parts[0] != "$JS" || parts[1] != "ACK") return std::nullopt;
  const std::size_t first = parts.size() >= 11 ? 7 : 5;
  const auto stream = decimal<std::uint64_t>(parts[first]), consumer = decimal<std::uint64_t>(parts[first + 1]);
  return stream && consumer ? std::optional(Place{parts[first - 2], *stream, *consumer}) : std::nullopt;
}

// A body is the server's, and believed as little as a guest's. Null: it is none.
json body_of(const NatsMessage& message) {
  auto parsed = parse_json(message.data);
  return parsed && parsed->is_object() ? std::move(*parsed) : json();
}

std::uint64_t count_in(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text_in(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json object_in(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_object() ? *found : json::object();
}

}  // namespace

std::string JetStream::stream_name(std::string_view prefix) {
  std::string name(prefix);
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

JetStream::JetStream(EventLoop& loop, std::string_view prefix, std::vector<std::string> subjects, std::string inbox, Callbacks callbacks)
    : loop_(loop),
      stream_(stream_name(prefix)),
      subjects_(std::move(subjects)),
      inbox_(std::move(inbox)),
      callbacks_(std::move(callbacks)) {}

JetStream::~JetStream() {
  if (timer_) loop_.cancel(*timer_);
}

void JetStream::trouble(const std::string& what) {
  if (what == trouble_) return;
  trouble_ = what;
  callbacks_.on_trouble(what);
}

void JetStream::ask(const std::string& subject, const json& body, std::string_view what) {
  asked_ = std::chrono::steady_clock::now();
  callbacks_.send({.subject = "$JS.API." + subject,
                   .reply = inbox_ + "." + std::string(what) + "." + std::to_string(generation_),
                   .subscription = {},
                   .headers = {},
                   .data = body.empty() ? "" : body.dump()});
}

void JetStream::connected() {
  if (subjects_.empty()) return;
  stream_state_ = Stream::away;
  consumer_state_ = Consumer::none;
  trouble_.clear();
  make_stream();
  if (!timer_) tick();
}

void JetStream::lost() {
  stream_state_ = Stream::away;
  consumer_state_ = Consumer::none;
  if (timer_) loop_.cancel(*std::exchange(timer_, std::nullopt));
}

void JetStream::tick() {
  timer_ = loop_.after(kJetStreamTick, [this] { tick(); });
  const TimePoint now = std::chrono::steady_clock::now();
  const bool late = now - asked_ > kAnswerTime;
  if (stream_state_ != Stream::there) {
    if (late) make_stream();
    return;
  }
  if (follows_ && late && consumer_state_ == Consumer::asked) make_consumer();
  if (follows_ && consumer_state_ == Consumer::there && pulled_ != 0 && now - heard_ > kPullSilenceMax) begin_again("silence");
  send_unstored(now, now - kAnswerTime);
}

// ---- the stream ----

void JetStream::make_stream() {
  ++generation_;
  if (stream_state_ == Stream::looked_at) return ask("STREAM.INFO." + stream_, {}, "stream");
  stream_state_ = Stream::asked;
  ask("STREAM.CREATE." + stream_,
      {{"name", stream_},
       {"subjects", subjects_},
       {"retention", "limits"},
       {"max_consumers", -1},
       {"max_msgs", -1},
       {"max_bytes", kStreamBytesMax},
       {"max_age", ns(kStreamAgeMax)},
       {"storage", "file"},
       {"discard", "old"},
       {"num_replicas", 1},
       {"duplicate_window", ns(kDuplicateWindow)}},
      "stream");
}

void JetStream::on_stream(const json& answer) {
  if (const json error = object_in(answer, "error"); !error.empty()) {
    if (stream_state_ == Stream::asked && count_in(error, "err_code") == kStreamNameInUse) {
      stream_state_ = Stream::looked_at;
      return make_stream();
    }
    return trouble("stream " + stream_ + ": " + text_in(error, "description"));  // and is asked for again
  }
  const json config = object_in(answer, "config");
  for (const std::string& subject : subjects_)
    if (!config.contains("subjects") || std::find(config["subjects"].begin(), config["subjects"].end(), subject) == config["subjects"].end())
      trouble("stream " + stream_ + ": is there, and does not name subject " + subject);
  const json state = object_in(answer, "state");
  const std::uint64_t first = count_in(state, "first_seq"), newest = count_in(state, "last_seq");
  stream_state_ = Stream::there;
  if (!after_) after_ = newest;
  if (follows_ && (*after_ > newest || *after_ + 1 < first)) {  // it is another one, or has thrown away what we would have
    callbacks_.on_positions_lost(*after_ > newest ? newest : position_);
    if (*after_ > newest) after_ = position_ = newest;
  }
  position_ = std::max(position_, follows_ ? *after_ : newest);
  position_known_ = true;
  send_unstored(std::chrono::steady_clock::now(), TimePoint::max());
  if (follows_) make_consumer();
}

// ---- reading ----

void JetStream::follow(std::optional<std::uint64_t> position) {
  follows_ = true;
  after_ = position;
  if (position) position_ = std::max(position_, *position);
  position_known_ = position_known_ || position;
  if (stream_state_ == Stream::there) {  // its newest is to be known first
    stream_state_ = Stream::looked_at;
    consumer_state_ = Consumer::none;
    make_stream();
  }
}

void JetStream::unfollow() {
  follows_ = false;
  consumer_state_ = Consumer::none;
  ++generation_;
}

void JetStream::pause(bool paused) {
  paused_ = paused;
  if (!paused_ && pulled_ == 0) pull();
}

void JetStream::make_consumer() {
  ++generation_;
  consumer_state_ = Consumer::asked;
  ask("CONSUMER.CREATE." + stream_,
      {{"stream_name", stream_},
       {"config",
        {{"deliver_policy", "by_start_sequence"},
         {"opt_start_seq", *after_ + 1},
         {"ack_policy", "none"},
         {"replay_policy", "instant"},
         {"inactive_threshold", ns(kConsumerIdleMax)},
         {"mem_storage", true},
         {"num_replicas", 1}}}},
      "consumer");
}

void JetStream::on_consumer(const json& answer) {
  if (const json error = object_in(answer, "error"); !error.empty()) {
    stream_state_ = Stream::looked_at;  // the stream may be gone
    return trouble("stream " + stream_ + ", consumer: " + text_in(error, "description"));
  }
  consumer_ = text_in(answer, "name");
  consumer_state_ = Consumer::there;
  consumer_sequence_ = 0;
  pulled_ = 0;
  pull();
}

void JetStream::pull() {
  if (paused_ || !follows_ || consumer_state_ != Consumer::there) return;
  heard_ = std::chrono::steady_clock::now();
  pulled_ = kPullEventsMax;
  ask("CONSUMER.MSG.NEXT." + stream_ + "." + consumer_,
      {{"batch", kPullEventsMax}, {"max_bytes", kPullBytesMax}, {"expires", ns(kPullTime)}, {"idle_heartbeat", ns(kPullHeartbeat)}}, "pulled");
}

void JetStream::begin_again(std::string_view why) {
  log::debug("pubsub.consumer_again", {{"stream", stream_}, {"why", why}, {"after", *after_}});
  make_consumer();
}

void JetStream::on_pull_status(std::string_view status, std::string_view description) {
  if (status == "100") return;  // a heartbeat
  const bool done = status == "404" || status == "408" || (status == "409" && description.starts_with("Message Size Exceeds"));
  if (!done) return begin_again(description);
  pulled_ = 0;
  pull();
}

void JetStream::on_pulled(NatsMessage message) {
  if (!follows_ || consumer_state_ != Consumer::there) return;
  const auto place = place_of(message.reply);
  if (place && place->name != consumer_) return;  // of one that was given up
  heard_ = std::chrono::steady_clock::now();
  if (!place) return on_pull_status(header_of(message, "Status"), header_of(message, "Description"));
  if (place->consumer != consumer_sequence_ + 1) return begin_again("a hole");
  ++consumer_sequence_;
  if (pulled_ != 0) --pulled_;
  after_ = place->stream;
  position_ = std::max(position_, place->stream);
  const std::string subject = message.subject;
  callbacks_.on_event(subject, std::move(message), place->stream);
  if (pulled_ == 0) pull();
}

// ---- storing ----

Result<> JetStream::store(StoreTicket ticket, NatsMessage message) {
  const std::size_t bytes = message.data.size();
  if (unstored_.size() == kStoringMax || bytes > kStoringBytesMax - unstored_bytes_)
    return fail(ErrorCode::exhausted, "engine: " + std::to_string(unstored_.size()) + " events wait to be stored, which is the limit");
  unstored_bytes_ += bytes;
  message.reply = inbox_ + ".stored." + std::to_string(number_of(ticket));
  message.headers.emplace_back("Nats-Msg-Id", std::string(header_of(message, "Vs-Origin")) + "/" +
                                                  std::string(header_of(message, "Vs-Sequence")));
  Unstored& made = unstored_.emplace(ticket, Unstored{std::move(message), {}}).first->second;
  if (stream_state_ != Stream::there) return {};
  made.sent = std::chrono::steady_clock::now();
  if (!callbacks_.send(made.message)) made.sent = {};
  return {};
}

void JetStream::forget(StoreTicket ticket) {
  const auto found = unstored_.find(ticket);
  if (found == unstored_.end()) return;
  unstored_bytes_ -= found->second.message.data.size();
  unstored_.erase(found);
}

void JetStream::send_unstored(TimePoint now, TimePoint before) {
  for (auto& [ticket, one] : unstored_) {
    if (one.sent > before) continue;
    if (!callbacks_.send(one.message)) return;
    if (one.sent != TimePoint{}) ++counts_.resent;
    one.sent = now;
  }
}

void JetStream::on_acknowledged(std::string_view number, const NatsMessage& message) {
  const auto ticket = decimal<std::uint64_t>(number);
  if (!ticket || !unstored_.contains(StoreTicket{*ticket})) return;
  if (header_of(message, "Status") == "503") return trouble("no stream takes what is stored: is JetStream on?");  // sent again later
  const json answer = body_of(message);
  if (const json error = object_in(answer, "error"); !error.empty())
    return trouble("stream " + stream_ + ": " + text_in(error, "description"));
  if (count_in(answer, "seq") == 0) return;
  forget(StoreTicket{*ticket});
  ++counts_.stored;
  callbacks_.on_stored(StoreTicket{*ticket}, {});
}

void JetStream::on_message(NatsMessage message) {
  if (!message.subject.starts_with(inbox_)) return on_pulled(std::move(message));  // events keep their own subjects
  std::string_view rest = std::string_view(message.subject).substr(std::min(inbox_.size() + 1, message.subject.size()));
  const std::size_t dot = std::min(rest.find('.'), rest.size());
  const std::string what(rest.substr(0, dot));
  const std::string number(rest.substr(std::min(dot + 1, rest.size())));
  if (what == "stored") return on_acknowledged(number, message);
  if (number != std::to_string(generation_)) return;
  if (what == "pulled") return on_pulled(std::move(message));
  if (header_of(message, "Status") == "503") return trouble("JetStream does not answer: is it on?");
  const json answer = body_of(message);
  if (answer.is_null()) return;
  if (what == "stream") on_stream(answer);
  if (what == "consumer") on_consumer(answer);
}

}  // namespace vs::pubsub
