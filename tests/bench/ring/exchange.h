// The exchanges of the benchmark, over any link.
//
// ring.echo: round trips, one at a time. ring.stream: one way, as fast as it goes. In both, every message goes from private
// memory of the sender to private memory of the receiver.
// frame.handoff: one way, one at a time, from asking for a buffer until the other side has the frame; nothing is copied.
//
// A link is made of a Near and a Far, one in each process:
//   send(head)    puts a message with that Head into the link, or waits until there is room; the rest of its payload is the
//                 sender's private bytes
//   flush()       lets the other side see what was sent
//   receive()     waits for the next message, copies it to private memory, and returns its Head
//   echo()        Far only: receives a message and sends it back
//   settle()      Far only: the stream is over
// and, in links that have buffers for frames:
//   hand_off(head), take_back()        Near only: takes a buffer, puts the Head in front, and sends it; waits until it is back
//   take_frame(), give_frame_back()    Far only: waits for a frame and returns its Head; returns the buffer, and says so
// Owned by one thread each.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "tests/bench/ring/options.h"
#include "tests/bench/ring/pair.h"
#include "tests/bench/ring/report.h"

namespace vs::bench {

// First in every payload.
struct Head {
  std::uint64_t what;
  std::uint64_t sent;  // ticks, in those messages of a stream whose age is measured; else 0
};
static_assert(sizeof(Head) == kPayloadBytesMin);

enum HeadWhat : std::uint64_t { kPlain = 1, kBegin = 2, kStop = 3 };

inline constexpr std::uint64_t kStreamAgeEvery = 64;  // messages; reading the clock for each would be part of the figure

inline constexpr std::string_view kEcho = "ring.echo";
inline constexpr std::string_view kStream = "ring.stream";
inline constexpr std::string_view kHandoff = "frame.handoff";

template <class Near>
void echo_near(Near& near, const Options& options, Report& report) {
  const TickScale scale;
  const auto call = [&](std::uint64_t what) {
    near.send(Head{what, 0});
    near.flush();
    if (near.receive().what != what) die("the answer is not to the question");
  };
  const auto warm = std::chrono::steady_clock::now() + options.time / 5;
  do call(kPlain);
  while (std::chrono::steady_clock::now() < warm);
  call(kBegin);
  report.begin();
  const std::uint64_t last = report.begun + scale.count(options.time);
  std::uint64_t messages = 0;
  for (std::uint64_t before = ticks(), after = 0; before < last && messages < kSamplesMax; before = after, ++messages) {
    call(kPlain);
    after = ticks();
    report.add(after - before);
  }
  report.end(messages);
  call(kStop);
}

template <class Far>
void echo_far(Far& far, Report& report) {
  for (std::uint64_t messages = 0;;) {
    const Head head = far.echo();
    if (head.what == kPlain) {
      ++messages;
    } else if (head.what == kStop) {
      return report.end(messages);
    } else {
      report.begin();
      messages = 0;
    }
  }
}

template <class Near>
void stream_near(Near& near, const Options& options, Report& report) {
  const auto send_for = [&](std::chrono::nanoseconds time) {
    const auto last = std::chrono::steady_clock::now() + time;
    std::uint64_t messages = 0;
    do {
      for (std::size_t i = 0; i < options.batch; ++i, ++messages)
        near.send(Head{kPlain, messages % kStreamAgeEvery == 0 ? ticks() : 0});
      near.flush();
    } while (std::chrono::steady_clock::now() < last);
    return messages;
  };
  send_for(options.time / 5);
  near.send(Head{kBegin, 0});
  report.begin();
  const std::uint64_t messages = send_for(options.time);
  near.send(Head{kStop, 0});
  near.flush();
  report.end(messages);
}

template <class Far>
void stream_far(Far& far, Report& report) {
  for (std::uint64_t messages = 0;;) {
    const Head head = far.receive();
    if (head.what == kPlain) [[likely]] {
      ++messages;
      if (head.sent != 0) report.add(ticks() - head.sent);
    } else if (head.what == kStop) {
      report.end(messages);
      return far.settle();
    } else {
      report.begin();
      messages = 0;
    }
  }
}

template <class Near>
void handoff_near(Near& near, const Options& options, Report& report) {
  const auto hand_off_for = [&](std::chrono::nanoseconds time) {
    const auto last = std::chrono::steady_clock::now() + time;
    std::uint64_t messages = 0;
    do {
      near.hand_off(Head{kPlain, ticks()});
      near.take_back();
      ++messages;
    } while (std::chrono::steady_clock::now() < last);
    return messages;
  };
  const auto say = [&](std::uint64_t what) {
    near.hand_off(Head{what, 0});
    near.take_back();
  };
  hand_off_for(options.time / 5);
  say(kBegin);
  report.begin();
  const std::uint64_t messages = hand_off_for(options.time);
  report.end(messages);
  say(kStop);
}

template <class Far>
void handoff_far(Far& far, Report& report) {
  for (std::uint64_t messages = 0;;) {
    const Head head = far.take_frame();
    if (head.what == kPlain) {
      report.add(ticks() - head.sent);
      ++messages;
    } else if (head.what == kStop) {
      report.end(messages);
      return far.give_frame_back();
    } else {
      report.begin();
      messages = 0;
    }
    far.give_frame_back();
  }
}

template <class Near>
void run_near(Near& near, const Options& options, Report& report) {
  if (options.name == kEcho) return echo_near(near, options, report);
  if (options.name == kStream) return stream_near(near, options, report);
  if constexpr (requires { near.hand_off(Head{}); })
    if (options.name == kHandoff) return handoff_near(near, options, report);
  die("no such case here: '" + options.name + "'");
}

template <class Far>
void run_far(Far& far, const Options& options, Report& report) {
  if (options.name == kEcho) return echo_far(far, report);
  if (options.name == kStream) return stream_far(far, report);
  if constexpr (requires { far.take_frame(); })
    if (options.name == kHandoff) return handoff_far(far, report);
  die("no such case here: '" + options.name + "'");
}

// Runs options.name over a link. `Shared` is what both sides have from before the fork; Near and Far are made of it and Options.
template <class Shared, class Near, class Far>
int run_exchange(int count, char** words) {
  const Options options = parse(count, words);
  const TickScale scale;
  Shared shared(options);
  const auto near_side = [&](Gate& gate, Report& report) {
    Near near(shared, options);
    gate.meet();
    if constexpr (requires { near.connected(); }) near.connected();
    run_near(near, options, report);
    gate.meet();  // nobody takes a link down that the other still reads
  };
  const auto far_side = [&](Gate& gate, Report& report) {
    Far far(shared, options);
    gate.meet();
    if constexpr (requires { far.connected(); }) far.connected();
    run_far(far, options, report);
    gate.meet();
  };
  Reports& reports = run_pair(options, near_side, far_side);
  // Round trips are timed where they begin, one way where it ends.
  const bool at_near = options.name == kEcho;
  print(options, scale, at_near ? reports.near : reports.far, at_near ? reports.far : reports.near);
  return 0;
}

}  // namespace vs::bench
