// Channels as such: created, and their parameters told and changed.
#include <cstring>

#include "base/channel_name.h"
#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/space.h"

namespace vs::pubsub {
namespace {

std::string_view name_in(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Error no_such_channel(std::string_view name) {
  return {ErrorCode::not_found, "channel " + std::string(name) + ": there is none"};
}

void answer_channel(Reply reply, std::size_t room, std::span<const std::byte> body = {}) {
  vs_pubsub_outcome outcome{};  // of zeros is one of success
  if (!body.empty() && sizeof outcome + body.size() > room) {
    outcome = {.result = VS_STATUS_TOO_LARGE, .text_bytes = 0, .value = sizeof outcome + body.size()};
    body = {};
  }
  std::vector<std::byte> bytes(sizeof outcome + body.size());
  std::memcpy(bytes.data(), &outcome, sizeof outcome);
  if (!body.empty()) std::memcpy(bytes.data() + sizeof outcome, body.data(), body.size());
  std::move(reply).send(std::span<const std::byte>(bytes));
}

}  // namespace

Result<ChannelRequest> PubsubService::Space::channel_request(const Request& request) const {
  auto asked = read_channel_request(request.payload);
  if (!asked) return asked;
  const auto guest = guest_of(request.session);
  if (guest == nullptr) return asked;
  if (auto judged = guest->rights().judge(Verb::create, asked->name); !judged) return fail(std::move(judged.error()));
  if (!asked->derivation) return asked;
  if (auto judged = judge_derivation(guest, asked->name, *asked->derivation); !judged) return fail(std::move(judged.error()));
  return asked;
}

// Whoever derives a channel could as well subscribe to the source and publish what it makes of it; and may no longer than it could.
Result<> PubsubService::Space::judge_derivation(const std::shared_ptr<Guest>& guest, std::string_view channel,
                                                DerivationTerms& terms) const {
  if (auto judged = guest->rights().judge(Verb::publish, channel); !judged) return judged;
  if (auto judged = judge_pattern(terms.source); !judged) return judged;
  if (auto judged = guest->rights().judge_pattern_of(terms.source); !judged) return judged;
  terms.allowed = [this, guest](std::string_view source) {
    const auto now = guests_.find(guest->binding());
    return (now != guests_.end() ? *now->second : *guest).rights().may(Verb::subscribe, source);
  };
  return {};
}

Result<std::unique_ptr<Derivation>> PubsubService::Space::derivation_of(const ChannelRequest& asked) {
  if (!asked.derivation) return std::unique_ptr<Derivation>();
  return broker_.prepare_derivation(asked.name, *asked.derivation);
}

// A filter that does not fit the schema is left out: who subscribes before there is a channel does not decide what it is.
void PubsubService::Space::create(const Request& request, Reply reply) {
  const auto asked = channel_request(request);
  if (!asked) return refuse(request, std::move(reply), asked.error());
  if (broker_.find(asked->name) != nullptr)
    return refuse(request, std::move(reply), {ErrorCode::conflict, "channel " + std::string(asked->name) + ": there is one"});
  if (auto judged = judge_declared(*asked, true); !judged) return refuse(request, std::move(reply), judged.error());
  auto derivation = derivation_of(*asked);
  if (!derivation) return refuse(request, std::move(reply), derivation.error());
  const auto made = make_channel(asked->name);
  if (!made) return refuse(request, std::move(reply), made.error());
  if (declared_.find(asked->name) == nullptr) (void)broker_.set_parameters(**made, asked->parameters, Broker::Veto::none);
  if (*derivation != nullptr) broker_.derive(**made, std::move(*derivation));
  answer_channel(std::move(reply), request.answer_bytes_max);
}

void PubsubService::Space::set(const Request& request, Reply reply) {
  const auto asked = channel_request(request);
  if (!asked) return refuse(request, std::move(reply), asked.error());
  Broker::Channel* channel = broker_.find(asked->name);
  if (channel == nullptr) return refuse(request, std::move(reply), no_such_channel(asked->name));
  if (auto judged = judge_declared(*asked, false); !judged) return refuse(request, std::move(reply), judged.error());
  auto derivation = derivation_of(*asked);
  if (!derivation) return refuse(request, std::move(reply), derivation.error());
  if (const auto done = broker_.set_parameters(*channel, asked->parameters); !done)
    return refuse(request, std::move(reply), done.error());
  if (*derivation != nullptr || channel->derivation != nullptr) broker_.derive(*channel, std::move(*derivation));
  answer_channel(std::move(reply), request.answer_bytes_max);
  retry_blocked();
}

// Whoever may do anything with a channel may know it.
void PubsubService::Space::get(const Request& request, Reply reply) {
  const std::string_view name = name_in(request.payload);
  if (auto judged = judge_channel(name); !judged) return refuse(request, std::move(reply), judged.error());
  if (const auto guest = guest_of(request.session)) {
    const Rights& rights = guest->rights();
    if (!rights.may(Verb::create, name) && !rights.may(Verb::publish, name))
      if (const auto judged = rights.judge(Verb::subscribe, name); !judged) return refuse(request, std::move(reply), judged.error());
  }
  const Broker::Channel* channel = broker_.find(name);
  if (channel == nullptr) return refuse(request, std::move(reply), no_such_channel(name));
  answer_channel(std::move(reply), request.answer_bytes_max, write_channel(*channel));
}

void PubsubService::Space::watch_time() {
  const auto due = broker_.due();
  if (!due || *due >= due_at_) return;
  loop_.cancel(due_);
  due_at_ = *due;
  due_ = loop_.at(due_at_, [this] { run_due(); });
}

void PubsubService::Space::run_due() {
  due_at_ = TimePoint::max();
  count(broker_.run_due(wall_clock_ns(), std::chrono::steady_clock::now()));
  watch_time();
  serve_ready();
}

}  // namespace vs::pubsub
