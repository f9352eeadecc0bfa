#include "tests/bench/sched/guest.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/bench/sched/node.h"

extern "C" {
#include "dataplane/client/session.h"
}

namespace vs::bench {
namespace {

using Clock = std::chrono::steady_clock;

inline constexpr std::int64_t kPatienceMs = 20'000;

vs_session opened(const std::string& socket) {
  vs_session session{};
  const vs_opening opening{.path = socket.c_str(), .service = "echo", .generation = 1, .deadline_ms = vs_now_ms() + kPatienceMs};
  if (const int status = vs_session_open(&session, &opening); status != 0)
    give_up(socket + ": " + std::strerror(-status));
  return session;
}

// Puts requests there until the window or the ring is full.
void submit(vs_session& session, const std::vector<char>& payload, std::uint32_t window, std::uint64_t& sent,
            std::uint64_t answered) {
  const auto room = vs_record_rounded(static_cast<std::uint32_t>(sizeof(vs_record) + sizeof(vs_answer) + payload.size()));
  const vs_request head{.answer_bytes_max = room, .timeout_ms = 60'000};
  while (sent - answered < window &&
         vs_producer_push(&session.requests, kEcho, sent, &head, sizeof head, payload.data(), payload.size()) == 1)
    ++sent;
  if (vs_producer_publish(&session.requests)) vs_session_ring_doorbell(&session);
}

std::uint64_t take_answers(vs_session& session, std::vector<char>& into) {
  std::uint64_t taken = 0;
  vs_taken answer;
  while (vs_consumer_take(&session.answers, into.data(), &answer) == 1) ++taken;
  if (taken != 0 && vs_consumer_release(&session.answers)) vs_session_ring_doorbell(&session);
  return taken;
}

}  // namespace

Guest::Guest(const std::function<nlohmann::json()>& work) {
  int told[2];
  if (::pipe(told) != 0) give_up("no pipe");
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ < 0) give_up("no process");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(1);
    ::close(told[0]);
    const std::string text = work().dump();
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t bytes = ::write(told[1], text.data() + at, text.size() - at);
      if (bytes <= 0) _exit(1);
      at += static_cast<std::size_t>(bytes);
    }
    _exit(0);
  }
  ::close(told[1]);
  told_ = told[0];
}

nlohmann::json Guest::result() {
  std::string text;
  char part[4096];
  ssize_t bytes;
  while ((bytes = ::read(told_, part, sizeof part)) > 0) text.append(part, static_cast<std::size_t>(bytes));
  if (text.empty()) give_up("a guest ended without a result");
  return nlohmann::json::parse(text);
}

Guest::~Guest() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  ::close(told_);
}

nlohmann::json flood(const FloodOptions& options) {
  vs_session session = opened(options.socket);
  const std::vector<char> payload(options.request_bytes, 'x');
  std::vector<char> into(vs_record_payload_max(session.answers.size));
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  Clock::time_point first{};
  Clock::time_point last{};
  std::uint64_t counted = 0;
  const auto end = Clock::now() + options.time;
  while (Clock::now() < end) {
    submit(session, payload, options.window, sent, answered);
    if (const std::uint64_t taken = take_answers(session, into); taken != 0) {
      answered += taken;
      if (answered <= options.ignored) continue;
      last = Clock::now();
      if (first == Clock::time_point{})
        first = last;
      else
        counted += taken;
      continue;
    }
    if (vs_session_wait(&session, vs_now_ms() + 50) == -ECONNRESET) give_up("the backend hung up");
  }
  vs_session_close(&session);
  const double seconds = std::chrono::duration<double>(last - first).count();
  return {{"answers", counted}, {"seconds", seconds}, {"per_s", seconds > 0 ? static_cast<double>(counted) / seconds : 0}};
}

nlohmann::json ask(const AskOptions& options) {
  vs_session session = opened(options.socket);
  const std::vector<char> payload(options.request_bytes, 'x');
  std::vector<char> into(vs_record_payload_max(session.answers.size));
  std::vector<std::int64_t> latencies;
  std::uint64_t sent = 0;
  for (int call = 0; call < options.calls; ++call) {
    const timespec pause{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(options.pause).count()};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);  // the load, and nothing that anybody waits for
    const auto begun = Clock::now();
    submit(session, payload, 1, sent, sent);
    while (take_answers(session, into) == 0)
      if (vs_session_wait(&session, vs_now_ms() + kPatienceMs) != 0) give_up("no answer");
    latencies.push_back((Clock::now() - begun).count());
  }
  vs_session_close(&session);
  return {{"latencies_ns", latencies}};
}

nlohmann::json open_all(const std::vector<std::string>& sockets, const std::function<void()>& then) {
  std::vector<vs_session> sessions;
  const auto begun = Clock::now();
  for (const std::string& socket : sockets) sessions.push_back(opened(socket));
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  then();
  for (vs_session& session : sessions) vs_session_close(&session);
  return {{"seconds", seconds}};
}

}  // namespace vs::bench
