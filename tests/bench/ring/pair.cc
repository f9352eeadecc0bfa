#include "tests/bench/ring/pair.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace vs::bench {
namespace {

// The last cores that we may use: interrupts prefer the first.
void pin(Cores cores, int side) {
  cpu_set_t usable;
  must(::sched_getaffinity(0, sizeof usable, &usable) == 0, "sched_getaffinity");
  if (cores == Cores::two && CPU_COUNT(&usable) < 2) die("two cores are wanted, there is one");
  int skip = CPU_COUNT(&usable) - (cores == Cores::two && side == 0 ? 2 : 1);
  int core = 0;
  while (!CPU_ISSET(core, &usable) || skip-- > 0) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  must(::sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

void* shared_memory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  must(memory != MAP_FAILED, "map reports");
  return memory;
}

void run_side(const Options& options, int number, const Side& side, int socket, Report& report) {
  ::alarm(static_cast<unsigned>(kRunTimeMax.count()));  // its default action ends the process
  must(::prctl(PR_SET_TIMERSLACK, 1) == 0, "set timer slack");
  pin(options.cores, number);
  Gate gate(socket);
  side(gate, report);
}

}  // namespace

void Gate::meet() {
  char any = 0;
  must(::send(socket_, &any, 1, MSG_NOSIGNAL) == 1 && ::recv(socket_, &any, 1, 0) == 1, "meet the other side");
}

Reports& run_pair(const Options& options, const Side& near, const Side& far) {
  auto& reports = *static_cast<Reports*>(shared_memory(sizeof(Reports)));
  std::array<int, 2> sockets{};
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets.data()) == 0, "socketpair");
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  must(child >= 0, "fork");
  if (child == 0) {
    must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent, "end with the parent");
    ::close(sockets[0]);
    run_side(options, 1, far, sockets[1], reports.far);
    ::_exit(0);
  }
  ::close(sockets[1]);
  run_side(options, 0, near, sockets[0], reports.near);
  int status = 0;
  must(::waitpid(child, &status, 0) == child, "wait for the other side");
  if (status != 0) die("the other side failed");
  ::alarm(0);
  return reports;
}

}  // namespace vs::bench
