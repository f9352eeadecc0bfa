#include "dataplane/services/dns/resolver.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/log.h"

namespace vs::dns {

// One query of a lookup: one family, or the reverse query.
struct Resolver::Part {
  bool inet6 = false;
  std::uint32_t tried = 0;
  bool ended = false;
  QueryResult result{};
};

struct Resolver::Lookup {
  std::string name;      // of a lookup
  Address address;       // of a reverse lookup
  AnswerCallback on_answer;
  NamesCallback on_names;
  std::vector<Part> parts;
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

void Resolver::lookup(const Question& question, TimePoint deadline, AnswerCallback callback) {
  auto lookup = std::make_unique<Lookup>();
  lookup->name = question.name;
  lookup->on_answer = std::move(callback);
  if (question.inet) lookup->parts.push_back({.inet6 = false});
  if (question.inet6) lookup->parts.push_back({.inet6 = true});
  start(std::move(lookup), deadline);
}

void Resolver::reverse(const Address& address, TimePoint deadline, NamesCallback callback) {
  auto lookup = std::make_unique<Lookup>();
  lookup->address = address;
  lookup->on_names = std::move(callback);
  lookup->parts.push_back({.inet6 = address.inet6});
  start(std::move(lookup), deadline);
}

void Resolver::start(std::unique_ptr<Lookup> lookup, TimePoint deadline) {
  const LookupId id{next_id_++};
  const TimePoint patience = std::chrono::steady_clock::now() + parameters_.timeout * parameters_.tries;
  lookup->deadline = loop_.at(std::min(deadline, patience), [this, id] { expire(id); });
  const std::size_t parts = lookup->parts.size();
  lookups_.emplace(number_of(id), std::move(lookup));
  for (std::size_t part = 0; part < parts; ++part) ask(id, part);
}

void Resolver::ask(LookupId id, std::size_t part) {
  const auto found = lookups_.find(number_of(id));
  if (found == lookups_.end()) return;
  Lookup& lookup = *found->second;
  ++lookup.parts[part].tried;
  ++counts_.queries;
  auto callback = [this, alive = std::weak_ptr(alive_), id, part](QueryResult result) {
    if (!alive.expired()) answered(id, part, std::move(result));
  };
  asking_ = true;
  if (lookup.on_names)
    channel().reverse(lookup.address, std::move(callback));
  else
    channel().lookup(lookup.name, lookup.parts[part].inet6, std::move(callback));
  asking_ = false;
}

void Resolver::answered(LookupId id, std::size_t index, QueryResult result) {
  using Status = QueryResult::Status;
  if (!retired_.empty())  // not from inside the channel that is calling us
    loop_.post([this, alive = std::weak_ptr(alive_)] { if (!alive.expired()) drop_idle_channels(); });
  const auto found = lookups_.find(number_of(id));
  if (found == lookups_.end()) return;  // ended at its deadline
  Lookup& lookup = *found->second;
  Part& part = lookup.parts[index];
  const bool final = result.status == Status::found || result.status == Status::no_name || result.status == Status::no_data;
  if (!final && part.tried < parameters_.tries) {
    ++counts_.tries_again;
    return again(id, index, result.status == Status::timed_out ? std::chrono::nanoseconds(0) : kRefusedPause);
  }
  part.ended = true;
  part.result = std::move(result);
  for (const Part& other : lookup.parts)
    if (!other.ended) return;
  loop_.cancel(lookup.deadline);
  if (!asking_) return finish(id);
  // An answer that c-ares has at once (a number as name) must not surprise who asks.
  lookup.deadline = loop_.at({}, [this, id] { finish(id); });
}

void Resolver::again(LookupId id, std::size_t part, std::chrono::nanoseconds pause) {
  loop_.after(pause, [this, alive = std::weak_ptr(alive_), id, part] {
    if (!alive.expired()) ask(id, part);
  });
}

void Resolver::expire(LookupId id) {
  ++counts_.timed_out;
  finish(id);
}

void Resolver::finish(LookupId id) {
  using Status = QueryResult::Status;
  const auto node = lookups_.extract(number_of(id));
  Lookup& lookup = *node.mapped();
  Answer answer{.result = VS_DNS_NO_DATA};
  bool no_name = false;
  bool unknown = false;
  std::vector<std::string> names;
  for (Part& part : lookup.parts) {
    const Status status = part.ended ? part.result.status : Status::timed_out;
    no_name = no_name || status == Status::no_name;
    unknown = unknown || (status != Status::found && status != Status::no_name && status != Status::no_data);
    if (status != Status::found) continue;
    if (answer.canonical_name.empty()) answer.canonical_name = part.result.canonical_name;
    answer.addresses.insert(answer.addresses.end(), part.result.addresses.begin(), part.result.addresses.end());
    names = std::move(part.result.names);
  }
  // What was found is better than what is not known of the other family; an unknown is not a no.
  if (!answer.addresses.empty() || !names.empty()) answer.result = VS_DNS_FOUND;
  else if (unknown) answer.result = VS_DNS_TRY_AGAIN;
  else if (no_name) answer.result = VS_DNS_NO_NAME;
  if (lookup.on_names)
    lookup.on_names(answer.result, std::move(names));
  else
    lookup.on_answer(std::move(answer));
}

}  // namespace vs::dns
