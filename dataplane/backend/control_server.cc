#include "dataplane/backend/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace vs {

ControlServer::ControlServer(EventLoop& loop, UniqueFd listener, std::string kind, Commanded& commanded)
    : loop_(loop), listener_(std::move(listener)), kind_(std::move(kind)), commanded_(commanded), starter_(::getuid()) {
  // Listening once more makes the kernel name this process, not its starter, to whoever connects (SO_PEERCRED): so the next
  // vsmgrd knows whom to watch, and whom to end when it hangs.
  ::listen(listener_.get(), SOMAXCONN);
  if (auto watched = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }); !watched)
    log::error("control.not_listening", {{"error", watched.error()}});
  commanded_.on_refusal([this] { tell_refusals_soon(); });
}

ControlServer::~ControlServer() {
  commanded_.on_refusal(nullptr);
  loop_.unwatch(listener_.get());
}

void ControlServer::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != 0 && peer.uid != starter_)) {
    log::warn("control.refused", {{"uid", peer.uid}});
    return;
  }
  channel_ = std::make_unique<control::Channel>(
      loop_, std::move(socket),
      control::Channel::Callbacks{.on_message = [this](std::string_view message) { on_message(message); },
                                  .on_closed = [](const Error& why) { log::info("control.closed", {{"why", why}}); }});
  log::info("control.connected", {{"pid", peer.pid}});
  send(control::Hello{.kind = kind_, .version = VS_VERSION, .config_number = commanded_.config_number()});
  tell_refusals_soon();
}

void ControlServer::on_message(std::string_view message) {
  const auto command = control::decode_command(message);
  if (!command) return log::error("control.command_refused", {{"error", command.error()}});
  obey(*command);
}

// Answers come when all that serves has given its own; those of a vsmgrd that is gone by then go to the next one, which takes what it
// did not ask for as news, or not at all.
void ControlServer::obey(const control::Command& command) {
  const auto here = std::weak_ptr(alive_);
  if (const auto* configure = std::get_if<control::Configure>(&command))
    return commanded_.configure(*configure, [this, here](control::Applied applied) {
      if (!here.expired()) send(std::move(applied));
    });
  if (const auto* ping = std::get_if<control::Ping>(&command))
    return commanded_.ping([this, here, number = ping->number] {
      if (!here.expired()) send(control::Pong{number});
    });
  if (const auto* report = std::get_if<control::Report>(&command)) {
    tell_refusals();
    return commanded_.report([this, here, number = report->number](std::vector<Sample> samples) {
      if (!here.expired()) send_samples(number, std::move(samples));
    });
  }
  if (const auto* describe = std::get_if<control::Describe>(&command))
    return commanded_.describe(describe->binding, [this, here, number = describe->number](nlohmann::json live) {
      if (!here.expired()) send(control::Described{number, std::move(live)});
    });
  if (const auto* locate = std::get_if<control::Locate>(&command))
    return commanded_.locate([this, here, number = locate->number](control::Located located) {
      located.number = number;
      if (!here.expired()) send(std::move(located));
    });
  if (const auto* flush = std::get_if<control::Flush>(&command))
    return commanded_.flush(*flush, [this, here, number = flush->number](std::uint64_t entries) {
      if (!here.expired()) send(control::Flushed{number, entries});
    });
  if (const auto* freeze = std::get_if<control::Freeze>(&command))
    return commanded_.freeze(*freeze, [this, here, number = freeze->number](control::Frozen frozen) {
      frozen.number = number;
      if (!here.expired()) send(std::move(frozen));
    });
  if (const auto* thaw = std::get_if<control::Thaw>(&command))
    return commanded_.thaw(*thaw, [this, here, number = thaw->number](control::Thawed thawed) {
      thawed.number = number;
      if (!here.expired()) send(std::move(thawed));
    });
  if (const auto* stage = std::get_if<control::Stage>(&command))
    return commanded_.stage(*stage, [this, here, number = stage->number](std::string problem) {
      if (!here.expired()) send(control::Staged{number, std::move(problem)});
    });
  log::info("control.stop");
  loop_.stop();
}

void ControlServer::send(const control::Event& event) {
  if (channel_ == nullptr || !channel_->open()) return;
  if (auto sent = channel_->send(control::encode(event)); !sent) log::warn("control.not_sent", {{"error", sent.error()}});
}

void ControlServer::send_samples(std::uint64_t number, std::vector<Sample> samples) {
  if (samples.size() >= control::kSamplesMax) {
    const std::size_t cut = samples.size() - control::kSamplesMax + 1;
    samples.resize(control::kSamplesMax - 1);
    samples.push_back({.name = "vservices_report_samples_cut",
                       .help = "Samples of the backend that its last report had no room for.",
                       .type = Sample::Type::gauge,
                       .labels = {{"kind", kind_}},
                       .value = static_cast<double>(cut)});
  }
  std::size_t at = 0;
  do {
    const std::size_t end = std::min(samples.size(), at + control::kSamplesPerMessageMax);
    control::Stats part{.number = number, .more = end < samples.size()};
    std::move(samples.begin() + static_cast<std::ptrdiff_t>(at), samples.begin() + static_cast<std::ptrdiff_t>(end),
              std::back_inserter(part.samples));
    send(std::move(part));
    at = end;
  } while (at < samples.size());
}

void ControlServer::tell_refusals_soon() {
  loop_.after(kRefusalPause, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) tell_refusals();
  });
}

void ControlServer::tell_refusals() {
  commanded_.take_refusals([this, here = std::weak_ptr(alive_)](std::vector<control::Refused> refusals) {
    if (here.expired()) return;
    for (control::Refused& refused : refusals) send(std::move(refused));
  });
}

}  // namespace vs
