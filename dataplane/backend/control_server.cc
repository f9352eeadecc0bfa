#include "dataplane/backend/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace vs {

ControlServer::ControlServer(EventLoop& loop, UniqueFd listener, std::string kind, Shards& shards)
    : loop_(loop), listener_(std::move(listener)), kind_(std::move(kind)), shards_(shards), starter_(::getuid()) {
  // Listening once more makes the kernel name this process, not its starter, to whoever connects (SO_PEERCRED): so the next
  // vsmgrd knows whom to watch, and whom to end when it hangs.
  ::listen(listener_.get(), SOMAXCONN);
  if (auto watched = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }); !watched)
    log::error("control.not_listening", {{"error", watched.error()}});
  shards_.on_refusal([this] { tell_refusals_soon(); });
}

ControlServer::~ControlServer() {
  shards_.on_refusal(nullptr);
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
  send(control::Hello{.kind = kind_, .version = VS_VERSION, .config_number = shards_.config_number()});
  tell_refusals_soon();
}

void ControlServer::on_message(std::string_view message) {
  const auto command = control::decode_command(message);
  if (!command) return log::error("control.command_refused", {{"error", command.error()}});
  obey(*command);
}

// Answers come when all loops have given theirs; those of a vsmgrd that is gone by then go to the next one, which takes what it
// did not ask for as news, or not at all.
void ControlServer::obey(const control::Command& command) {
  const auto here = std::weak_ptr(alive_);
  if (const auto* configure = std::get_if<control::Configure>(&command))
    return shards_.configure(*configure, [this, here](control::Applied applied) {
      if (!here.expired()) send(std::move(applied));
    });
  if (const auto* ping = std::get_if<control::Ping>(&command))
    return shards_.ping([this, here, number = ping->number] {
      if (!here.expired()) send(control::Pong{number});
    });
  if (const auto* report = std::get_if<control::Report>(&command)) {
    tell_refusals();
    return shards_.report([this, here, number = report->number](std::vector<Sample> samples) {
      if (!here.expired()) send(control::Stats{number, std::move(samples)});
    });
  }
  if (const auto* describe = std::get_if<control::Describe>(&command))
    return shards_.describe(describe->binding, [this, here, number = describe->number](nlohmann::json live) {
      if (!here.expired()) send(control::Described{number, std::move(live)});
    });
  log::info("control.stop");
  loop_.stop();
}

void ControlServer::send(const control::Event& event) {
  if (channel_ == nullptr || !channel_->open()) return;
  if (auto sent = channel_->send(control::encode(event)); !sent) log::warn("control.not_sent", {{"error", sent.error()}});
}

void ControlServer::tell_refusals_soon() {
  loop_.after(kRefusalPause, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) tell_refusals();
  });
}

void ControlServer::tell_refusals() {
  shards_.take_refusals([this, here = std::weak_ptr(alive_)](std::vector<control::Refused> refusals) {
    if (here.expired()) return;
    for (control::Refused& refused : refusals) send(std::move(refused));
  });
}

}  // namespace vs
