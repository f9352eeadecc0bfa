// vsmgrd: builds the parts and joins them; the only place that knows them all.

#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/log.h"
#include "vsmgrd/api/api.h"
#include "vsmgrd/backends/process_backends.h"
#include "vsmgrd/config/options.h"
#include "vsmgrd/metrics/metrics.h"
#include "vsmgrd/policy/policy_set.h"
#include "vsmgrd/reconciler/reconciler.h"
#include "vsmgrd/store/store.h"

namespace {

inline constexpr std::chrono::milliseconds kScrapePatience{500};  // for the backends' counters; then the last known ones
inline constexpr std::chrono::milliseconds kDescribeWait{100};   // for what a binding does now; then it is not shown
inline constexpr int kExitFailed = 1;
inline constexpr int kExitNewerDatabase = 78;  // EX_CONFIG of sysexits.h

vs::Result<> make_directory(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return vs::fail_errno(errno, "make " + path.string());
  return {};
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

int wait_for_signal(const sigset_t& signals) {
  int signal = SIGHUP;
  while (signal == SIGHUP) sigwait(&signals, &signal);  // a closed terminal is no reason to end
  return signal;
}

vs::Result<> serve(const vs::Options& options, vs::Store& store, const vs::Clock& clock, const sigset_t& signals) {
  vs::Metrics metrics(VS_VERSION);
  vs::Wake wake;
  const vs::BackendProgram program{.executable = options.backend_program,
                                   .sockets = options.run_directory / "backends",
                                   .directory = options.run_directory / "domains",
                                   .user = options.backend_user,
                                   .log_level = options.log_level_name,
                                   .loops = options.backend_loops,
                                   .patience = options.backend_patience};
  auto backends = vs::ProcessBackends::open(
      program, {.on_change = [&] { wake.ring(); },
                .on_samples = [&](const std::string& kind, std::vector<vs::Sample> samples) {
                  metrics.set_samples("backend:" + kind, std::move(samples));
                }});
  if (!backends) return vs::fail(std::move(backends.error()));
  vs::Reconciler reconciler(store, **backends, clock, wake);
  reconciler.on_samples([&](std::vector<vs::Sample> samples) { metrics.set_samples("reconciler", std::move(samples)); });
  store.on_commit([&] { wake.ring(); });
  reconciler.start();

  vs::ApiOptions api_options;
  api_options.server.socket_path = options.socket;
  std::atomic<vs::Api*> api_to_read = nullptr;
  auto api = vs::Api::start(
      api_options, store, clock,
      {.metrics_text =
           [&] {
             (*backends)->refresh(kScrapePatience);
             if (vs::Api* counted = api_to_read) metrics.set_samples("http", counted->samples());
             return metrics.text();
           },
       .binding_live = [&](const std::string& binding) { return (*backends)->describe(binding, kDescribeWait); },
       .on_request = [&](std::string_view method, std::string_view route, int status,
                         std::chrono::nanoseconds duration) { metrics.count_request(method, route, status, duration); }});
  if (!api) return vs::fail(std::move(api.error()));
  api_to_read = api->get();
  vs::log::info("vsmgrd.ready", {{"socket", options.socket.string()}, {"version", VS_VERSION}});

  const int signal = wait_for_signal(signals);
  vs::log::info("vsmgrd.stopping", {{"signal", signal}, {"backends", signal == SIGINT ? "stop" : "serve on"}});
  (*api)->stop();
  reconciler.stop();
  if (signal == SIGINT) (*backends)->stop_all();
  return {};
}

vs::Result<std::unique_ptr<vs::Store>> open_store(const vs::Options& options, const vs::Clock& clock) {
  if (auto made = make_directory(options.state_directory, 0700); !made) return vs::fail(std::move(made.error()));
  return vs::Store::open(options.state_directory / "vsmgrd.db", clock, vs::decide_bindings);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = vs::parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<vs::Options>(parsed);
  vs::log::set_level(options.log_level);
  const sigset_t signals = block_signals();
  const vs::SystemClock clock;

  auto store = open_store(options, clock);
  if (!store) {
    vs::log::error("store.not_opened", {{"error", store.error()}});
    return store.error().code == vs::ErrorCode::conflict ? kExitNewerDatabase : kExitFailed;
  }
  if (options.check_only) return 0;
  auto served = make_directory(options.run_directory, 0755);
  if (served) served = serve(options, **store, clock, signals);
  if (!served) {
    vs::log::error("vsmgrd.failed", {{"error", served.error()}});
    return kExitFailed;
  }
  return 0;
}
