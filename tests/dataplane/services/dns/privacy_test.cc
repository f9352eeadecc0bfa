// What a guest can learn of what another one asked, by each of the ways that are known: a classifier is given 10,000 probes, half of them
// of names that the other one had asked for, and says by how much it beats a coin (the area under its curve; 0.5 is a coin).
//
// Private and delayed: at most 0.55. Open shows it, which proves that the probes would see it. What delayed does not hide, says
// NameserversSeeWhetherTheyAreAsked.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/services/dns/manual_upstream.h"

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

constexpr int kProbes = 10'000;
constexpr double kHidden = 0.55;
constexpr double kClear = 0.9;

// The probability that a positive is ranked above a negative, or below, whichever is easier to tell.
double area(std::vector<std::pair<double, bool>> scored) {
  std::sort(scored.begin(), scored.end());
  double ranks = 0;
  std::size_t positives = 0;
  for (std::size_t i = 0; i < scored.size();) {
    std::size_t end = i;
    while (end < scored.size() && scored[end].first == scored[i].first) ++end;
    const double rank = (static_cast<double>(i + 1) + static_cast<double>(end)) / 2;
    for (; i < end; ++i)
      if (scored[i].second) ranks += rank, ++positives;
  }
  const auto p = static_cast<double>(positives);
  const double n = static_cast<double>(scored.size()) - p;
  const double auc = (ranks - p * (p + 1) / 2) / (p * n);
  return std::max(auc, 1 - auc);
}

// What the prober sees of one question.
struct Seen {
  double latency = 0;  // over what is usual for the name
  double ttl = 0;
  double fetches = 0;
};

class Privacy : public testing::TestWithParam<SharingMode> {
 protected:
  Privacy() {
    upstream_.latency = [this](const CacheKey& key) { return latency(key.name); };
    upstream_.answer = [](const CacheKey& key) {
      Answer answer{.result = VS_DNS_NO_NAME};
      if (!key.name.starts_with("nx")) answer = {.result = VS_DNS_FOUND, .canonical_name = key.name, .addresses = {Address{}}};
      set_ttl(answer, 300);
      return answer;
    };
    make({.guest_entries_max = 100'000, .guest_bytes_max = 256 << 20, .bytes_max = std::uint64_t{1} << 40});
  }
  void make(const CacheTerms& terms) {
    CacheTerms shared = terms;
    shared.guest_entries_max = 1'000'000;
    resolver_ = std::make_unique<CachingResolver>(upstream_, terms, std::make_shared<SharedCache>(Cache(shared)));
    resolver_->serve({"prober", "victim", "friend"});
    for (int i = 0; i < 300; ++i) ask(other_, "warm" + std::to_string(i));
    settle();
  }
  // Some names are always slower than others; all vary.
  static double usual_ms(const std::string& name) { return std::array{0.4, 8.0, 60.0}.at(std::hash<std::string>{}(name) % 3); }
  std::chrono::nanoseconds latency(const std::string& name) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(usual_ms(name) * 1e6 * std::exp(normal_(random_) * 0.4)));
  }
  void ask(const std::shared_ptr<Asker>& who, const std::string& name) {
    resolver_->lookup(who, {name, true, false}, upstream_.now() + 1min, [](const Answer&) {});
  }
  void settle() {
    while (!upstream_.idle()) upstream_.run_next();
  }
  Seen probe(const std::string& name) {
    Seen seen;
    bool answered = false;
    const int fetches = upstream_.fetches;
    const TimePoint asked = upstream_.now();
    resolver_->lookup(prober_, {name, true, false}, asked + 1min, [&](const Answer& answer) {
      answered = true;
      seen.latency = std::chrono::duration<double, std::milli>(upstream_.now() - asked).count() / usual_ms(name);
      seen.ttl = answer.ttl_s;
    });
    while (!answered) upstream_.run_next();
    seen.fetches = upstream_.fetches - fetches;
    return seen;
  }
  // Probes names for half of which `ask_before` was run.
  template <class AskBefore>
  void run(const std::string& prefix, AskBefore ask_before) {
    for (int i = 0; i < kProbes; ++i) {
      const std::string name = prefix + std::to_string(i) + ".test";
      const bool asked = random_() % 2 != 0;
      if (asked) ask_before(name);
      const Seen seen = probe(name);
      latencies_.emplace_back(seen.latency, asked);
      ttls_.emplace_back(seen.ttl, asked);
      fetches_.emplace_back(seen.fetches, asked);
    }
  }
  [[nodiscard]] bool open() const { return GetParam() == SharingMode::open; }
  void judge(const char* what, const std::vector<std::pair<double, bool>>& scored) {
    const double auc = area(scored);
    RecordProperty(what, std::to_string(auc));
    if (open()) EXPECT_GE(auc, kClear) << what;
    else EXPECT_LE(auc, kHidden) << what;
  }

  test::ManualUpstream upstream_;
  std::mt19937_64 random_{42};
  std::normal_distribution<double> normal_;
  std::unique_ptr<CachingResolver> resolver_;
  std::shared_ptr<Asker> prober_ = std::make_shared<Asker>(Asker{"prober", {GetParam(), {}, {}}});
  std::shared_ptr<Asker> other_ = std::make_shared<Asker>(Asker{"victim", {GetParam(), {}, {}}});
  std::shared_ptr<Asker> friend_ = std::make_shared<Asker>(Asker{"friend", {GetParam(), {}, {}}});
  std::vector<std::pair<double, bool>> latencies_, ttls_, fetches_;
};

TEST_P(Privacy, OfTheFirstQuestionsTimeAndTtl) {
  run("a", [&](const std::string& name) {
    ask(other_, name);
    settle();
    upstream_.advance(std::chrono::seconds(1 + random_() % 250));
  });
  judge("first question", latencies_);
  judge("ttl", ttls_);
}

TEST_P(Privacy, OfNegatives) {
  run("nx", [&](const std::string& name) {
    ask(other_, name);
    settle();
    upstream_.advance(std::chrono::seconds(1 + random_() % 250));
  });
  judge("negative, time", latencies_);
  judge("negative, ttl", ttls_);
}

TEST_P(Privacy, OfFetchesUnderWay) {
  run("b", [&](const std::string& name) {
    ask(other_, name);
    // Half of what is usual later: mostly it is still under way.
    upstream_.advance(std::chrono::nanoseconds(static_cast<std::int64_t>(usual_ms(name) * 5e5)));
  });
  if (!open()) return judge("coalescing", latencies_);
  EXPECT_GE(area(latencies_), 0.75) << "it ends earlier, by as much as it began earlier";
}

// What a friend of the prober had put there falls out, if the victim asks for much.
TEST_P(Privacy, OfWhatFallsOut) {
  make({.guest_entries_max = 8, .guest_bytes_max = 4096, .bytes_max = 4096 * 3});
  int filled = 0;
  for (int i = 0; i < kProbes; ++i) {
    const std::string name = "c" + std::to_string(i) + ".test";
    ask(friend_, name);
    settle();
    const bool asked = random_() % 2 != 0;
    for (int fill = 0; asked && fill < 24; ++fill) ask(other_, "fill" + std::to_string(filled++));
    settle();
    latencies_.emplace_back(probe(name).latency, asked);
  }
  judge("eviction", latencies_);
}

// One's own entries stay, whatever others do.
TEST_P(Privacy, OfOnesOwnEntries) {
  make({.guest_entries_max = 8, .guest_bytes_max = 4096, .bytes_max = 4096 * 3});
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "d" + std::to_string(i) + ".test";
    probe(name);
    for (int fill = 0; fill < 24; ++fill) ask(other_, "more" + std::to_string(i * 24 + fill));
    settle();
    EXPECT_EQ(probe(name).latency, 0);
  }
}

// Who owns the nameserver of a name sees whether a probe reaches it. Only private hides that: saving the fetch is what delayed is for.
TEST_P(Privacy, NameserversSeeWhetherTheyAreAsked) {
  run("e", [&](const std::string& name) {
    ask(other_, name);
    settle();
  });
  const double auc = area(fetches_);
  if (GetParam() == SharingMode::private_) EXPECT_EQ(auc, 0.5);
  else EXPECT_EQ(auc, 1);
}

INSTANTIATE_TEST_SUITE_P(Modes, Privacy, testing::Values(SharingMode::private_, SharingMode::delayed, SharingMode::open),
                         [](const auto& mode) {
                           return mode.param == SharingMode::private_ ? "Private" : mode.param == SharingMode::delayed ? "Delayed" : "Open";
                         });

}  // namespace
}  // namespace vs::dns
