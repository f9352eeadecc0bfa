// vsbackend: serves the guests of one service kind. Started by vsmgrd; outlives it.

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/backend/control_server.h"
#include "dataplane/backend/privilege.h"
#include "dataplane/backend/shards.h"
#include "dataplane/backend/transports.h"
#include "dataplane/files/files_backend.h"
#include "dataplane/services/dns/dns_service.h"
#include "dataplane/services/pubsub/mqtt/mqtt_engine.h"
#include "dataplane/services/pubsub/nats/nats_engine.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "dataplane/transport/local/local_transport.h"
#include "dataplane/transport/xen/xen_transport.h"

namespace {

constexpr std::size_t kPlacedXenLoopsMax = 64;  // that domUs can be placed on: their bells are opened before privilege is dropped

constexpr std::string_view kUsage = R"(usage: vsbackend --kind KIND --control-fd FD --directory DIR [--user UID:GID] [--loops COUNT]
                 [--log-level LEVEL]

Serves the guests of one service kind over shared memory. vsmgrd starts it; there is seldom a reason to do so by hand.

  --kind KIND        service kind: dns, pubsub or files
  --control-fd FD    listening unix socket on which vsmgrd gives its commands
  --directory DIR    where the domains' device sockets are made: DIR/DOMAIN/DEVICE
  --user UID:GID     what to become before serving, when started as root
  --loops COUNT      threads that serve guests, 1 to 64; default: one for each core it may use
  --log-level LEVEL  debug, info, warn or error; default info
)";

struct Options {
  std::string kind;
  int control_fd = -1;
  std::filesystem::path directory;
  std::optional<vs::UserIds> user;
  std::size_t loops = vs::usable_cores();
};

vs::Result<Options> parse(int argc, char** argv) {
  std::map<std::string_view, std::string_view> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  if (argc % 2 == 0) return vs::fail(vs::ErrorCode::invalid, "an option without a value");
  Options options;
  for (const auto& [name, value] : given) {
    if (name == "--kind") {
      options.kind = value;
    } else if (name == "--control-fd") {
      options.control_fd = std::atoi(std::string(value).c_str());
    } else if (name == "--directory") {
      options.directory = value;
    } else if (name == "--user") {
      auto user = vs::parse_user_ids(value);
      if (!user) return vs::fail(std::move(user.error()));
      options.user = *user;
    } else if (name == "--loops") {
      const int loops = std::atoi(std::string(value).c_str());
      if (loops < 1 || static_cast<std::size_t>(loops) > vs::kLoopsMax)
        return vs::fail(vs::ErrorCode::invalid, "--loops " + std::string(value) + ": not a number from 1 to 64");
      options.loops = static_cast<std::size_t>(loops);
    } else if (name == "--log-level") {
      auto level = vs::log::parse_level(value);
      if (!level) return vs::fail(std::move(level.error()));
      vs::log::set_level(*level);
    } else {
      return vs::fail(vs::ErrorCode::invalid, "unknown option " + std::string(name));
    }
  }
  if (options.kind.empty() || options.control_fd < 3 || options.directory.empty())
    return vs::fail(vs::ErrorCode::invalid, "--kind, --control-fd and --directory are needed");
  return options;
}

vs::Result<std::unique_ptr<vs::pubsub::Engine>> make_engine(vs::EventLoop& loop, const vs::pubsub::EngineTerms& terms,
                                                           vs::pubsub::Engine::Callbacks callbacks) {
  if (terms.kind == "nats") return std::make_unique<vs::pubsub::NatsEngine>(loop, terms, std::move(callbacks));
  if (terms.kind == "mqtt") return std::make_unique<vs::pubsub::MqttEngine>(loop, terms, std::move(callbacks));
  return vs::fail(vs::ErrorCode::invalid, "kind " + terms.kind + ": not in this program");
}

vs::Result<vs::Shards::MakeService> service_maker(std::string_view kind) {
  if (kind == "dns")
    return [caches = std::make_shared<vs::dns::SharedCaches>()](vs::EventLoop& loop) {
      return std::make_unique<vs::dns::DnsService>(loop, caches);
    };
  if (kind == "pubsub") return [](vs::EventLoop& loop) { return std::make_unique<vs::pubsub::PubsubService>(loop, make_engine); };
  return vs::fail(vs::ErrorCode::invalid, "service kind " + std::string(kind) + ": not in this program");
}

// SIGTERM and SIGINT end the loop; everything else that could end us by accident is ignored.
vs::Result<vs::UniqueFd> stop_on_signals(vs::EventLoop& loop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  vs::UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  auto watched = loop.watch(fd.get(), EPOLLIN, [&loop](std::uint32_t) { loop.stop(); });
  if (!watched) return vs::fail(std::move(watched.error()));
  return fd;
}

bool on_xen() { return ::access("/proc/xen/capabilities", F_OK) == 0; }

// While there is the privilege to. Without Xen there is none, and no word about it: local domains are served all the same, and
// what a domU would be bound to is told as that binding's problem.
std::unique_ptr<vs::XenDoor> open_xen(std::size_t loops) {
  if (!on_xen()) return nullptr;
  auto door = vs::XenDoor::prepare(loops);
  if (door) return std::move(*door);
  vs::log::warn("xen.not_opened", {{"error", door.error()}});
  return nullptr;
}

// Serves what vsmgrd commands until it says stop.
void obey(vs::EventLoop& loop, const Options& options, vs::Commanded& commanded) {
  vs::ControlServer control(loop, vs::UniqueFd(options.control_fd), options.kind, commanded);
  vs::log::info("backend.started", {{"kind", options.kind}, {"version", VS_VERSION}});
  loop.run();
  vs::log::info("backend.stopped", {{"kind", options.kind}});
}

vs::Result<> serve_rings(vs::EventLoop& loop, const Options& options) {
  auto service = service_maker(options.kind);
  if (!service) return vs::fail(std::move(service.error()));
  const auto door = open_xen(options.loops + kPlacedXenLoopsMax);
  if (auto dropped = vs::drop_privilege(options.user); !dropped) return dropped;
  const std::size_t loops = options.kind == "pubsub" ? 1 : options.loops;  // its guests meet in its channels
  vs::Shards shards(loop, options.kind, loops, *service,
                    [&]() -> std::unique_ptr<vs::Transport> {
                      auto local = std::make_unique<vs::LocalTransport>(options.directory);
                      auto xen = door && door->has_bells() ? std::make_unique<vs::XenTransport>(*door) : nullptr;
                      return std::make_unique<vs::Transports>(std::move(local), std::move(xen));
                    });
  if (door) door->start();
  obey(loop, options, shards);
  if (door) door->stop();
  return {};
}

vs::Result<> serve_files(vs::EventLoop& loop, const Options& options) {
  std::unique_ptr<vs::NinePfsDoor> door;
  if (on_xen()) {
    auto opened = vs::NinePfsDoor::prepare();
    if (opened) door = std::move(*opened);
    else vs::log::warn("xen.not_opened", {{"error", opened.error()}});
  }
  if (auto dropped = vs::drop_privilege(options.user); !dropped) return dropped;
  if (door)
    if (auto started = door->start(loop); !started) return started;
  vs::files::FilesBackend backend(loop, options.directory, door.get());
  obey(loop, options, backend);
  return {};
}

vs::Result<> serve(const Options& options) {
  vs::raise_descriptor_limit();
  vs::EventLoop loop;
  const auto signals = stop_on_signals(loop);
  if (!signals) return vs::fail(signals.error());
  return options.kind == "files" ? serve_files(loop, options) : serve_rings(loop, options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    std::fputs(kUsage.data(), stdout);
    return 0;
  }
  const auto options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "vsbackend: %s\n%s", options.error().message.c_str(), kUsage.data());
    return 2;
  }
  if (auto served = serve(*options); !served) {
    vs::log::error("backend.failed", {{"error", served.error()}});
    return 1;
  }
  return 0;
}
