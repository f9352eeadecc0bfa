#include "tests/vsctl/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/check.h"

namespace vs::ctl::test {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  VS_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// False at the end.
bool read_some(const UniqueFd& fd, std::string& text) {
  std::array<char, 4096> piece{};
  const ssize_t size = ::read(fd.get(), piece.data(), piece.size());
  if (size > 0) text.append(piece.data(), static_cast<std::size_t>(size));
  return size > 0;
}

int wait_for(pid_t pid) {
  int status = 0;
  VS_CHECK(::waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Process::Process(const std::vector<std::string>& command,
                 const std::vector<std::string>& environment, const std::string& directory) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  VS_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::dup2(in.read.get(), 0);
    ::dup2(out.write.get(), 1);
    ::dup2(err.write.get(), 2);
    for (const std::string& entry : environment) ::putenv(const_cast<char*>(entry.c_str()));
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(124);
    ::execvp(arguments[0], arguments.data());
    ::_exit(125);
  }
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  err_ = std::move(err.read);
}

Process::~Process() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  wait_for(pid_);
}

void Process::write(const std::string& text) {
  VS_CHECK(::write(in_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string Process::read_line() {
  std::string line;
  char c = 0;
  while (::read(out_.get(), &c, 1) == 1) {
    line += c;
    if (c == '\n') break;
  }
  return line;
}

std::string Process::read_to_end() {
  std::string text;
  while (read_some(out_, text)) continue;
  return text;
}

Finished Process::finish() {
  Finished finished;
  in_.reset();
  while (out_ || err_) {
    std::array<pollfd, 2> ready{pollfd{out_.get(), POLLIN, 0},
                                pollfd{err_.get(), POLLIN, 0}};  // -1 is passed over
    VS_CHECK(::poll(ready.data(), ready.size(), -1) > 0);
    if (ready[0].revents != 0 && !read_some(out_, finished.out)) out_.reset();
    if (ready[1].revents != 0 && !read_some(err_, finished.err)) err_.reset();
  }
  finished.exit = wait_for(std::exchange(pid_, -1));
  return finished;
}

Finished run_process(const std::vector<std::string>& command, const std::string& input,
                     const std::vector<std::string>& environment, const std::string& directory) {
  Process process(command, environment, directory);
  if (!input.empty()) process.write(input);
  return process.finish();
}

}  // namespace vs::ctl::test
