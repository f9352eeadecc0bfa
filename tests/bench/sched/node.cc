#include "tests/bench/sched/node.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/backend/shards.h"
#include "dataplane/transport/local/local_transport.h"

namespace vs::bench {
namespace {

class EchoService final : public Service {
 public:
  explicit EchoService(std::chrono::nanoseconds time) : time_(time) {}
  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>&) override { return {}; }
  void handle(const Request& request, Reply reply) override {
    if (time_.count() != 0) {
      const auto until = std::chrono::steady_clock::now() + time_;
      while (std::chrono::steady_clock::now() < until) {
      }
    }
    std::move(reply).send(request.payload);
  }
  std::vector<Sample> samples() const override { return {}; }

 private:
  std::chrono::nanoseconds time_;
};

// Commands are binding names, a line each; answers are lines of JSON.
void serve(const NodeOptions& options, const std::filesystem::path& directory, int commands, int answers) {
  EventLoop control;
  Shards shards(
      control, "echo", options.loops, [&](EventLoop&) { return std::make_unique<EchoService>(options.service_time); },
      [&] { return std::make_unique<LocalTransport>(directory); });
  const auto answer = [answers](const nlohmann::json& what) {
    const std::string line = what.dump() + "\n";
    if (::write(answers, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
  };
  shards.configure({1, {{"echo", nlohmann::json::object()}}, options.bindings},
                   [&](const control::Applied& applied) { answer({{"problems", applied.problems.size()}}); });
  (void)control.watch(commands, EPOLLIN, [&](std::uint32_t) {
    char name[256];
    const ssize_t bytes = ::read(commands, name, sizeof name);
    if (bytes <= 0) return control.stop();
    shards.describe(std::string(name, static_cast<std::size_t>(bytes)), answer);
  });
  control.run();
}

nlohmann::json line_from(int fd) {
  std::string line;
  char one;
  while (::read(fd, &one, 1) == 1 && one != '\n') line += one;
  if (line.empty()) give_up("the node is gone");
  return nlohmann::json::parse(line);
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_sched: %s\n", why.c_str());
  std::exit(1);
}

Node::Node(const NodeOptions& options) {
  std::string pattern = (std::filesystem::temp_directory_path() / "vs-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary directory");
  directory_ = pattern;
  int commands[2];
  int answers[2];
  if (::pipe(commands) != 0 || ::pipe(answers) != 0) give_up("no pipe");
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ < 0) give_up("no process");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(1);
    ::close(commands[1]);
    ::close(answers[0]);
    log::set_level(log::Level::warn);
    serve(options, directory_, commands[0], answers[1]);
    _exit(0);
  }
  ::close(commands[0]);
  ::close(answers[1]);
  commands_ = commands[1];
  answers_ = answers[0];
  if (line_from(answers_)["problems"] != 0) give_up("a binding is not served");
}

Node::~Node() {
  ::close(commands_);
  ::waitpid(process_, nullptr, 0);
  ::close(answers_);
  std::filesystem::remove_all(directory_);
}

nlohmann::json Node::live(const std::string& binding) {
  if (::write(commands_, binding.data(), binding.size()) != static_cast<ssize_t>(binding.size())) give_up("the node is gone");
  return line_from(answers_);
}

std::size_t Node::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(process_) + "/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

double Node::cpu_seconds() const {
  std::ifstream stat("/proc/" + std::to_string(process_) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  unsigned long user = 0;
  unsigned long system = 0;
  std::sscanf(text.c_str() + text.rfind(')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

control::BindingConfig binding_of(const std::string& name, control::Terms terms) {
  return {name, name, "echo", "echo", true, terms};
}

}  // namespace vs::bench
