// vsmgrd: builds the parts and joins them; the only place that knows them all.

#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "vsmgrd/api/api.h"
#include "vsmgrd/api/peer_client.h"
#include "vsmgrd/backends/process_backends.h"
#include "vsmgrd/config/options.h"
#include "vsmgrd/handoffs/mover.h"
#include "vsmgrd/hypervisor/libxl_hypervisor.h"
#include "vsmgrd/lifecycle/check_config.h"
#include "vsmgrd/lifecycle/memory.h"
#include "vsmgrd/lifecycle/notifier.h"
#include "vsmgrd/lifecycle/probe.h"
#include "vsmgrd/lifecycle/process_samples.h"
#include "vsmgrd/lifecycle/watchdog.h"
#include "vsmgrd/metrics/metrics.h"
#include "vsmgrd/placement/guarantees.h"
#include "vsmgrd/placement/node_placement.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/reconciler/reconciler.h"
#include "vsmgrd/settings.h"
#include "vsmgrd/sla/sla_keeper.h"
#include "vsmgrd/store/backup.h"
#include "vsmgrd/store/store.h"

namespace {

inline constexpr std::chrono::milliseconds kScrapePatience{60};  // for the backends' counters; then the last known ones
inline constexpr std::chrono::milliseconds kReportPatience{1000};  // for the same, when promises are looked at
inline constexpr std::chrono::milliseconds kFlushWait{2000};      // for a backend to forget
inline constexpr std::chrono::milliseconds kDescribeWait{100};   // for what a binding does now; then it is not shown
inline constexpr int kExitFailed = 1;

// What is there already keeps its mode; what we make has this one, whatever the umask.
vs::Result<> make_directory(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return ::chmod(path.c_str(), mode) == 0 ? vs::Result<>() : vs::fail_errno(errno, path.string());
  return errno == EEXIST ? vs::Result<>() : vs::fail_errno(errno, "make " + path.string());
}

// Blocked in every thread from here on; taken by wait_for_signal.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Until a signal that ends the process. SIGHUP asks for `reload`: a closed terminal is no reason to end.
int wait_for_signal(const sigset_t& signals, const std::function<void()>& reload) {
  for (int signal = 0;;) {
    sigwait(&signals, &signal);
    if (signal != SIGHUP) return signal;
    reload();
  }
}

// What of the options may change while we run. What is wrong changes nothing.
void reload_options(const std::function<std::variant<vs::Options, int>()>& read_options, vs::Api& api, vs::http::PeerClient& peers) {
  const auto parsed = read_options();
  const auto* options = std::get_if<vs::Options>(&parsed);
  if (options == nullptr) return vs::log::error("vsmgrd.not_reloaded", {{"why", "a wrong option"}});
  auto access = vs::access_settings(options->access);
  const auto others = vs::peer_settings(*options);
  auto reloaded = vs::check_peers(*options);
  if (reloaded) reloaded = access ? api.reload(std::move(*access), vs::tls_files(options->access)) : vs::Result<>(vs::fail(access.error()));
  if (reloaded) reloaded = peers.reload(*others);
  if (!reloaded) return vs::log::error("vsmgrd.not_reloaded", {{"why", reloaded.error()}});
  vs::log::set_level(options->log_level);
  vs::log::info("vsmgrd.reloaded", {{"log_level", options->log_level_name}});
}

// What main() alone has: how the world talks to us, and we to it.
struct Surroundings {
  const sigset_t& signals;
  const vs::Notifier& notifier;
  std::function<std::variant<vs::Options, int>()> read_options;
};

// Says that we serve, and goes on saying so while it is true. Returns the signal that ends us.
int serve_until_signal(const Surroundings& around, const std::filesystem::path& socket, const vs::Reconciler& reconciler,
                       vs::Api& api, vs::http::PeerClient& peers) {
  const std::string serving = "serving on " + socket.string();
  const auto stuck_after = around.notifier.watchdog().value_or(std::chrono::microseconds{0});
  const vs::Watchdog watchdog(around.notifier,
                              {{"api", [&](auto patience) { return vs::answers_http(socket, patience); }},
                               {"reconciler", [&](auto) { return !reconciler.stuck(stuck_after); }}});
  around.notifier.ready(serving);
  return wait_for_signal(around.signals, [&] {
    around.notifier.reloading();
    reload_options(around.read_options, api, peers);
    around.notifier.ready(serving);
  });
}

// What the hypervisor says of a declared domU; null of all other domains.
nlohmann::json describe_guest(vs::Store& store, const vs::Hypervisor& hypervisor, const std::string& name) {
  const auto domain = store.get(vs::Kind::domain, name);
  if (!domain || std::get<vs::DomainSpec>(domain->resource.spec).type != "xen") return nullptr;
  const auto guests = hypervisor.guests();
  const vs::Guest* guest = vs::find_guest(guests, domain->resource);
  return guest == nullptr ? nlohmann::json() : vs::encode(*guest);
}

// What a binding does, and how its promises are kept.
nlohmann::json with_promises(nlohmann::json live, nlohmann::json standing) {
  if (live.is_object() && !standing.is_null()) live["objectives"] = std::move(standing);
  return live;
}

// Without a machine that can be read nothing is placed, and everything is served.
vs::Result<std::unique_ptr<vs::NodePlacement>> open_placement(const vs::Options& options) {
  const auto reserved = vs::reserved_cpus(options);
  if (!reserved) return vs::fail(reserved.error());
  auto node = vs::NodePlacement::open({.devices = options.topology, .reserved = *reserved, .backend_loops = options.backend_loops});
  if (node) return std::move(*node);
  vs::log::error("placement.off", {{"error", node.error()}});
  return nullptr;
}

// Why the policies in force here keep a domain from that node; empty: they do not.
std::string may_go(const vs::Desired& desired, const vs::Parcel& parcel, const std::string& node) {
  std::vector<std::string> bindings;
  for (const vs::Resource& binding : parcel.bindings) bindings.push_back(binding.metadata.name);
  return vs::denied_elsewhere(desired, bindings, node);
}

vs::Result<> serve(const vs::Options& options, vs::Store& store, std::shared_ptr<vs::PolicyEngine> policies,
                   const vs::Clock& clock,
                   const Surroundings& around) {
  vs::Metrics metrics(VS_VERSION);
  vs::Wake wake;
  const vs::BackendProgram program{.executable = options.backend_program,
                                   .sockets = options.run_directory / "backends",
                                   .directory = options.domains_directory,
                                   .node = options.node_name,
                                   .user = options.backend_user,
                                   .log_level = options.log_level_name,
                                   .loops = options.backend_loops,
                                   .patience = options.backend_patience};
  std::function<void()> ask_backends;  // set once there are some
  std::function<void()> look_at_backends = [&] { wake.ring(); };
  vs::SlaKeeper promises(store, clock, {.ask = [&] { ask_backends(); }, .on_change = [&] { wake.ring(); }});
  auto backends = vs::ProcessBackends::open(
      program, {.on_change = [&] { look_at_backends(); },
                .on_samples = [&](const std::string& kind, std::vector<vs::Sample> samples) {
                  promises.take(samples);
                  metrics.set_samples("backend:" + kind, std::move(samples));
                }});
  if (!backends) return vs::fail(std::move(backends.error()));
  ask_backends = [&] { (*backends)->refresh(kReportPatience); };
  const auto others = vs::peer_settings(options);
  if (!others) return vs::fail(others.error());
  auto peers = vs::http::PeerClient::start(*others);
  if (!peers) return vs::fail(std::move(peers.error()));
  vs::Mover mover(options.node_name, store, clock,
                  {.send = [&](const std::string& to, vs::handoff::Message message) { (*peers)->send(to, message); },
                   .order = [&](const std::string& kind, vs::control::Command order,
                                vs::HandoffOrders::Done done) { (*backends)->order(kind, std::move(order), std::move(done)); },
                   .backends = [&] { return (*backends)->status(); },
                   .wake = [&] { wake.hurry(); },
                   .may_go = may_go,
                   .promises = [&] { return promises.counted(); },
                   .take_promises = [&](const auto& counted) { promises.take_over(counted); },
                   .peers = [&] { return (*peers)->peers(); }});
  if (auto opened = mover.open(); !opened) return opened;
  look_at_backends = [&] {
    wake.ring();
    mover.look();
  };
  const auto hypervisor = vs::open_hypervisor([&] { wake.ring(); });
  const auto placement = open_placement(options);
  if (!placement) return vs::fail(placement.error());
  vs::Reconciler reconciler(store, **backends, clock, wake);
  reconciler.find_guests_with(*hypervisor);
  if (vs::NodePlacement* const node = placement->get()) {
    reconciler.place_by(*node);
    store.refuse_misfits([node](const vs::Desired& before, const vs::Desired& next) { return node->misfits(before, next); });
  } else {
    store.refuse_misfits([](const vs::Desired& before, const vs::Desired& next) { return vs::overcommitted(before, next, {}, 1); });
  }
  auto engines = vs::read_engines(options.engines);
  if (!engines) return vs::fail(std::move(engines.error()));
  reconciler.reach_nodes_by({.node = options.node_name, .by_name = std::move(*engines)});
  reconciler.judge_promises_by([&](const std::string& binding) { return promises.condition_of(binding); });
  reconciler.on_samples([&](std::vector<vs::Sample> samples) { metrics.set_samples("reconciler", std::move(samples)); });
  reconciler.own_by([&] { return mover.owners(); }, [&] { mover.told(); });
  store.on_commit([&] { wake.ring(); });

  vs::ApiOptions api_options;
  api_options.server = vs::server_options(options);
  auto access = vs::access_settings(options.access);
  if (!access) return vs::fail(std::move(access.error()));
  api_options.access = std::move(*access);
  api_options.node = options.node_name;
  std::atomic<vs::Api*> api_to_read = nullptr;
  auto api = vs::Api::start(
      api_options, store, clock,
      {.metrics_text =
           [&] {
             (*backends)->refresh(kScrapePatience);
             if (vs::Api* counted = api_to_read) metrics.set_samples("http", counted->samples());
             metrics.set_samples("store", store.samples());
             metrics.set_samples("sla", promises.samples());
             metrics.set_samples("migration", mover.samples());
             metrics.set_samples("peers", (*peers)->samples());
             metrics.set_samples("process", vs::process_samples());
             return metrics.text();
           },
       .live =
           [&](vs::Kind kind, const std::string& name) {
             return kind == vs::Kind::binding ? with_promises((*backends)->describe(name, kDescribeWait), promises.describe(name))
                    : kind == vs::Kind::domain ? describe_guest(store, *hypervisor, name)
                                               : nlohmann::json();
           },
       .flush =
           [&](const vs::http::FlushOrder& order) {
             return (*backends)->flush(order.kind, {.service = order.service, .domain = order.domain, .name = order.name},
                                       kFlushWait);
           },
       .placement =
           [&store, node = placement->get()] {
             if (node == nullptr) return nlohmann::json();
             const vs::Snapshot now = store.snapshot();
             const auto bindings = now.observed.find(vs::Kind::binding);
             const auto domains = now.observed.find(vs::Kind::domain);
             return node->show(*now.desired, bindings == now.observed.end() ? vs::ByName<vs::Observed>() : bindings->second,
                               domains == now.observed.end() ? vs::ByName<vs::Observed>() : domains->second);
           },
       .policies = std::move(policies),
       .on_request = [&](std::string_view method, std::string_view route, int status,
                         std::chrono::nanoseconds duration) { metrics.count_request(method, route, status, duration); },
       .migrations = &mover});
  if (!api) return vs::fail(std::move(api.error()));
  api_to_read = api->get();
  promises.start();
  mover.start();
  reconciler.start();  // what it does first is long work where there is much: who asks is answered meanwhile
  vs::log::info("vsmgrd.ready", {{"socket", options.socket.string()}, {"version", VS_VERSION}});

  const int signal = serve_until_signal(around, options.socket, reconciler, **api, **peers);
  around.notifier.stopping(signal == SIGINT ? "ending, and the backends too" : "ending; the backends serve on");
  vs::log::info("vsmgrd.stopping", {{"signal", signal}, {"backends", signal == SIGINT ? "stop" : "serve on"}});
  (*api)->stop();
  reconciler.stop();
  mover.stop();
  promises.stop();
  (*peers)->stop();
  if (signal == SIGINT) (*backends)->stop_all();
  backends->reset();  // its thread has news for those above
  return {};
}

vs::Result<std::unique_ptr<vs::Store>> open_store(const vs::Options& options, const vs::Clock& clock,
                                                  vs::PolicyEngine& policies) {
  if (auto made = make_directory(options.state_directory, 0700); !made) return vs::fail(std::move(made.error()));
  return vs::Store::open(options.state_directory / vs::kDatabaseFile, clock,
                         [&policies](const vs::Desired& desired, const vs::Affected& affected) {
                           return policies.decide(desired, affected);
                         });
}

// Exit status of --check-config.
int report_config(const vs::Options& options) {
  vs::ConfigReport report = vs::check_config(options);
  if (const auto access = vs::access_settings(options.access); !access) report.problems.push_back(access.error().message);
  if (const auto reserved = vs::reserved_cpus(options); !reserved) report.problems.push_back(reserved.error().message);
  if (const auto engines = vs::read_engines(options.engines); !engines) report.problems.push_back(engines.error().message);
  if (!options.access.remote_address.empty())
    if (const auto loaded = vs::http::TlsContext().load(vs::tls_files(options.access)); !loaded)
      report.problems.push_back(loaded.error().message);
  if (const auto peers = vs::check_peers(options); !peers) report.problems.push_back(peers.error().message);
  for (const std::string& fact : report.facts) std::cout << fact << "\n";
  for (const std::string& problem : report.problems) std::cerr << "vsmgrd: " << problem << "\n";
  if (report.problems.empty()) std::cout << "vsmgrd could start\n";
  return report.problems.empty() ? 0 : vs::kExitBadConfig;
}

// Exit status of --restore.
int restore(const vs::Options& options, const vs::Clock& clock) {
  auto restored = make_directory(options.state_directory, 0700);
  if (restored) restored = vs::restore_backup(options.restore, options.state_directory / vs::kDatabaseFile, clock);
  if (restored) {
    std::cout << "restored " << options.restore.string() << "; start vsmgrd again\n";
    return 0;
  }
  std::cerr << "vsmgrd: --restore: " << restored.error().message << "\n";
  return restored.error().code == vs::ErrorCode::conflict || restored.error().code == vs::ErrorCode::invalid ? vs::kExitBadConfig
                                                                                                            : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = vs::parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<vs::Options>(parsed);
  if (options.check_config) return report_config(options);
  vs::log::set_level(options.log_level);
  vs::limit_heaps();
  const vs::Notifier notifier = vs::Notifier::from_environment();
  const sigset_t signals = block_signals();
  const vs::SystemClock clock;
  if (!options.restore.empty()) return restore(options, clock);

  const auto policies = std::make_shared<vs::PolicyEngine>(
      vs::NodeFacts{.name = options.node_name, .labels = options.node_labels});
  auto store = open_store(options, clock, *policies);
  if (!store) {
    vs::log::error("store.not_opened", {{"error", store.error()}});
    return store.error().code == vs::ErrorCode::conflict ? vs::kExitBadConfig : kExitFailed;
  }
  const vs::MemoryKeeper memory;
  auto served = make_directory(options.run_directory, 0755);
  if (served) served = serve(options, **store, policies, clock,
                             {.signals = signals, .notifier = notifier, .read_options = [=] { return vs::parse_options(argc, argv); }});
  if (!served) {
    vs::log::error("vsmgrd.failed", {{"error", served.error()}});
    return kExitFailed;
  }
  return 0;
}
