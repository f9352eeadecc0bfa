#include "dataplane/backend/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace vs {

ControlServer::ControlServer(EventLoop& loop, UniqueFd listener, std::string kind, Backend& backend)
    : loop_(loop), listener_(std::move(listener)), kind_(std::move(kind)), backend_(backend), starter_(::getuid()) {
  // Listening once more makes the kernel name this process, not its starter, to whoever connects (SO_PEERCRED): so the next
  // vsmgrd knows whom to watch, and whom to end when it hangs.
  ::listen(listener_.get(), SOMAXCONN);
  if (auto watched = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }); !watched)
    log::error("control.not_listening", {{"error", watched.error()}});
  backend_.on_refusal([this] { tell_refusals_soon(); });
}

ControlServer::~ControlServer() {
  backend_.on_refusal(nullptr);
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
  send(control::Hello{.kind = kind_, .version = VS_VERSION, .config_number = backend_.config_number()});
  tell_refusals_soon();
}

void ControlServer::on_message(std::string_view message) {
  const auto command = control::decode_command(message);
  if (!command) return log::error("control.command_refused", {{"error", command.error()}});
  if (const auto* configure = std::get_if<control::Configure>(&*command)) return send(backend_.configure(*configure));
  if (const auto* ping = std::get_if<control::Ping>(&*command)) return send(control::Pong{ping->number});
  if (const auto* report = std::get_if<control::Report>(&*command)) {
    tell_refusals();
    return send(control::Stats{report->number, backend_.samples()});
  }
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
  for (auto& refused : backend_.take_refusals()) send(std::move(refused));
}

}  // namespace vs
