#include "vsctl/sandbox/init.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

namespace vs::ctl {
namespace {

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

[[noreturn]] void end(int status, const std::string& message) {
  std::fputs(("vsctl: " + message + "\n").c_str(), stderr);
  std::fflush(stderr);
  ::_exit(status);
}

// The guest's directory of that name may be another one: what was the caller's may be covered.
void enter(const std::optional<WorkingDirectory>& wanted) {
  struct stat here {};
  if (wanted && ::chdir(wanted->path.c_str()) == 0 && ::stat(".", &here) == 0 &&
      same_file(here, wanted->identity))
    return;
  if (::chdir("/") != 0) end(kCommandNotExecutable, "cannot enter /");
}

// As execvp searches. An entry that cannot be executed counts only when no other is found.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  std::string found;
  while (true) {
    const auto colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
    struct stat file {};
    if (::stat(candidate.c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
      if (found.empty()) found = candidate;
    }
    if (colon == std::string_view::npos) return found;
    rest.remove_prefix(colon + 1);
  }
}

// This program's own file was opened outside of the sandbox. Executed by that way (/proc/self/exe)
// it would be a hold on the node's file system that is not read-only; by its name it is the file
// that the guest sees.
std::string without_hold_on_node(const std::string& program) {
  struct stat own {};
  struct stat asked {};
  char name[PATH_MAX] = {};
  const bool is_own = ::stat("/proc/self/exe", &own) == 0 && ::stat(program.c_str(), &asked) == 0 &&
                      same_file(own, asked);
  if (!is_own || ::readlink("/proc/self/exe", name, sizeof name - 1) < 0) return program;
  return name;
}

[[noreturn]] void become(const GuestCommand& command) {
  enter(command.start_in);
  if (::clearenv() != 0) end(kCommandNotExecutable, "out of memory");
  for (const std::string& entry : command.environment)
    ::putenv(::strdup(entry.c_str()));  // lives on in the new program
  std::vector<char*> arguments;
  for (const std::string& argument : command.arguments)
    arguments.push_back(::strdup(argument.c_str()));
  arguments.push_back(nullptr);
  const std::string program = find_program(command.arguments.front());
  if (program.empty())
    end(kCommandNotFound, fmt::format("{}: command not found", command.arguments.front()));
  // execvp and not execve: a script without "#!" is run by sh, as everywhere.
  ::execvp(without_hold_on_node(program).c_str(), arguments.data());
  const int problem = errno;
  end(problem == ENOENT ? kCommandNotFound : kCommandNotExecutable,
      fmt::format("{}: {}", program, std::strerror(problem)));
}

}  // namespace

std::optional<WorkingDirectory> working_directory() {
  char path[PATH_MAX];
  WorkingDirectory here;
  if (::getcwd(path, sizeof path) == nullptr || ::stat(".", &here.identity) != 0)
    return std::nullopt;
  here.path = path;
  return here;
}

void run_init(const GuestCommand& command, const PassedSignals& signals) {
  const pid_t child = ::fork();
  if (child < 0)
    end(kCommandNotExecutable, fmt::format("start a process: {}", std::strerror(errno)));
  if (child == 0) {
    signals.restore();
    become(command);
  }
  ::_exit(exit_status_of(signals.wait_for(child)));
}

}  // namespace vs::ctl
