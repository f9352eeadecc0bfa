#include "vsmgrd/api/waits.h"

#include <algorithm>
#include <utility>

#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {

namespace {

std::optional<Response> no_longer(const std::string& request_id) {
  return problem_response(
      {401, ErrorCode::denied, "the right to ask ended meanwhile; what was written before is kept"},
      request_id);
}

}  // namespace

Waits::Waits() : thread_([this] { run(); }) {}

Waits::~Waits() { stop(); }

Response Waits::wait(const Request& request, std::chrono::milliseconds patience, Check check) {
  if (auto known = check(false)) return std::move(*known);
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      if (count_ >= kWaitsMax)
        return problem_response({503, ErrorCode::unavailable, "too many requests wait already"},
                                request.id);
      ++count_;
      const Moment deadline = std::chrono::steady_clock::now() + patience;
      return {.later = [this, deadline, still = request.still, id = request.id,
                        check = std::move(check)](Response::Answer answer) {
        add({deadline, still, id, check, std::move(answer)});
      }};
    }
  }
  return *check(true);
}

void Waits::add(Wait wait) {
  const std::lock_guard lock(mutex_);
  waits_.push_back(std::move(wait));
  notified_ = true;  // what was notified since wait() looked was not for this one
  changed_.notify_all();
}

bool Waits::has_room() const {
  const std::lock_guard lock(mutex_);
  return count_ < kWaitsMax;
}

void Waits::notify() {
  const std::lock_guard lock(mutex_);
  if (waits_.empty() && count_ == 0) return;
  notified_ = true;
  changed_.notify_all();
}

void Waits::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Waits::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto look = [&] { return notified_ || stopped_; };
    if (count_ == 0)
      changed_.wait(lock, look);
    else
      changed_.wait_for(lock, kWaitLook, look);
    if (stopped_ && count_ == 0) return;
    notified_ = false;
    const bool stopped = stopped_;
    std::vector<Wait> waits = std::exchange(waits_, {});
    lock.unlock();
    if (waits.empty()) std::this_thread::yield();  // one is on its way to add()
    look_at(std::move(waits), stopped);
    lock.lock();
  }
}

void Waits::look_at(std::vector<Wait> waits, bool stopped) {
  const Moment now = std::chrono::steady_clock::now();
  std::size_t answered = 0;
  std::vector<Wait> rest;
  for (Wait& wait : waits) {
    auto known = wait.still && !wait.still() ? no_longer(wait.request_id)
                                             : wait.check(stopped || now >= wait.deadline);
    if (!known) {
      rest.push_back(std::move(wait));
      continue;
    }
    wait.answer(std::move(*known));
    ++answered;
  }
  const std::lock_guard lock(mutex_);
  count_ -= answered;
  std::move(rest.begin(), rest.end(), std::back_inserter(waits_));
}

Result<std::chrono::milliseconds> patience_of(const Call& call) {
  const auto text = call.parameter("timeout");
  if (!text) return kWaitPatienceDefault;
  auto patience = parse_duration(*text);
  if (!patience) return fail(std::move(patience.error()).within("query parameter timeout"));
  return std::min(*patience, kWaitPatienceMax);
}

}  // namespace vs::http
