// The table of answers of one binding, as its service fills it. Owned by the loop's thread.
#pragma once

#include <time.h>

#include <memory>
#include <utility>

#include "dataplane/services/service.h"
#include "dataplane/transport/local/local_answers.h"

namespace vs {

inline constexpr std::uint32_t kAnswersSlots = 512;  // of each binding: 256 KiB

inline std::uint64_t answers_bytes() { return make_answers_header(kAnswersSlots).bytes; }

class BindingAnswers final : public Answers {
 public:
  explicit BindingAnswers(std::unique_ptr<LocalAnswers> memory) : memory_(std::move(memory)) {}

  [[nodiscard]] int memory() const { return memory_->memory(); }

  void put(std::span<const std::byte> key, std::span<const std::byte> answer, std::chrono::nanoseconds lifetime) override {
    const auto stored = now();
    memory_->writer().put(key, answer, stored, stored + lifetime);
  }
  void clear() { memory_->writer().clear(); }

 private:
  // Goes on while the machine sleeps, as what is said in the answers does.
  static std::chrono::nanoseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  std::unique_ptr<LocalAnswers> memory_;
};

}  // namespace vs
