#include "dataplane/services/dns/resolver.h"

#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/log.h"

namespace vs::dns {
namespace {

// Numbers, and the names that RFC 6761 and RFC 7686 keep from nameservers.
std::optional<Answer> known_without_asking(const std::string& name, RecordType type) {
  if (type == RecordType::ptr) return std::nullopt;
  const auto one_of = [&](std::string_view domain) {
    return name.size() >= domain.size() && ::strcasecmp(&name[name.size() - domain.size()], domain.data()) == 0 &&
           (name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.');
  };
  if (one_of("onion")) return Answer{.result = VS_DNS_NO_NAME};
  const bool inet6 = type == RecordType::aaaa;
  Address address{.inet6 = inet6};
  Address other{};
  if (::inet_pton(inet6 ? AF_INET6 : AF_INET, one_of("localhost") ? (inet6 ? "::1" : "127.0.0.1") : name.c_str(), address.bytes.data()) == 1)
    return Answer{.result = VS_DNS_FOUND, .canonical_name = name, .addresses = {address}};
  if (::inet_pton(inet6 ? AF_INET : AF_INET6, name.c_str(), other.bytes.data()) == 1) return Answer{.result = VS_DNS_NO_DATA};
  return std::nullopt;
}

}  // namespace

struct Resolver::Lookup {
  std::string name;
  RecordType type;
  AnswerCallback on_answer;
  std::uint32_t tried = 0;
  Answer answer{};
  TimerId deadline{};
};

Result<std::unique_ptr<Resolver>> Resolver::open(EventLoop& loop, const Parameters& parameters) {
  std::unique_ptr<Resolver> opened(new Resolver(loop, parameters));
  if (auto renewed = opened->renew_channel(); !renewed) return fail(std::move(renewed.error()));
  return opened;
}

Resolver::Resolver(EventLoop& loop, Parameters parameters)
    : loop_(loop), parameters_(std::move(parameters)) {}

Resolver::~Resolver() {
  alive_.reset();
  for (const auto& [id, lookup] : lookups_) loop_.cancel(lookup->deadline);
  lookups_.clear();  // callbacks of the channels' ends find nothing
}

Result<> Resolver::renew_channel() {
  auto opened = AresChannel::open(loop_, parameters_.nameservers, parameters_.timeout);
  if (!opened) return fail(std::move(opened.error()));
  if (channel_ != nullptr && channel_->in_flight() != 0) retired_.push_back(std::move(channel_));
  channel_ = std::move(*opened);
  channel_since_ = std::chrono::steady_clock::now();
  ++counts_.channels;
  return {};
}

AresChannel& Resolver::channel() {
  const bool old = channel_->asked() >= kQueriesPerChannelMax ||
                   (channel_->asked() != 0 && std::chrono::steady_clock::now() - channel_since_ > kChannelAgeMax);
  if (old) {
    if (auto renewed = renew_channel(); !renewed) log::warn("dns.channel_kept", {{"error", renewed.error()}});
  }
  return *channel_;
}

void Resolver::drop_idle_channels() {
  std::erase_if(retired_, [](const auto& retired) { return retired->in_flight() == 0; });
}

void Resolver::ask(const std::string& name, RecordType type, TimePoint deadline, AnswerCallback callback) {
  const LookupId id{next_id_++};
  auto lookup = std::make_unique<Lookup>(Lookup{name, type, std::move(callback)});
  const TimePoint patience = std::chrono::steady_clock::now() + parameters_.timeout * parameters_.tries;
  lookup->deadline = loop_.at(std::min(deadline, patience), [this, id] { expire(id); });
  lookups_.emplace(number_of(id), std::move(lookup));
  ask(id);
}

void Resolver::ask(LookupId id) {
  const auto found = lookups_.find(number_of(id));
  if (found == lookups_.end()) return;
  Lookup& lookup = *found->second;
  ++lookup.tried;
  asking_ = true;
  if (auto answer = known_without_asking(lookup.name, lookup.type)) {
    answered(id, {QueryResult::Status::answered, std::move(*answer)});
  } else {
    ++counts_.queries;
    channel().query(lookup.name, lookup.type, [this, alive = std::weak_ptr(alive_), id](QueryResult result) {
      if (!alive.expired()) answered(id, std::move(result));
    });
  }
  asking_ = false;
}

void Resolver::answered(LookupId id, QueryResult result) {
  using Status = QueryResult::Status;
  if (!retired_.empty())  // not from inside the channel that is calling us
    loop_.post([this, alive = std::weak_ptr(alive_)] { if (!alive.expired()) drop_idle_channels(); });
  const auto found = lookups_.find(number_of(id));
  if (found == lookups_.end()) return;  // ended at its deadline
  Lookup& lookup = *found->second;
  if (result.status != Status::answered && lookup.tried < parameters_.tries) {
    ++counts_.tries_again;
    return again(id, result.status == Status::timed_out ? std::chrono::nanoseconds(0) : kRefusedPause);
  }
  lookup.answer = std::move(result.answer);
  loop_.cancel(lookup.deadline);
  if (!asking_) return finish(id);
  // An answer that is there at once (a number as name) must not surprise who asks.
  lookup.deadline = loop_.at({}, [this, id] { finish(id); });
}

void Resolver::again(LookupId id, std::chrono::nanoseconds pause) {
  loop_.after(pause, [this, alive = std::weak_ptr(alive_), id] {
    if (!alive.expired()) ask(id);
  });
}

void Resolver::expire(LookupId id) {
  ++counts_.timed_out;
  finish(id);
}

void Resolver::finish(LookupId id) {
  const auto node = lookups_.extract(number_of(id));
  Lookup& lookup = *node.mapped();
  lookup.on_answer(std::move(lookup.answer));
}

}  // namespace vs::dns
