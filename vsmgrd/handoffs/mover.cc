#include "vsmgrd/handoffs/mover.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace vs {

using handoff::Order;
using handoff::Outcome;
using handoff::Phase;
using handoff::Record;
using handoff::Time;

namespace {

inline constexpr std::string_view kEventKind = "Migration";
inline constexpr std::string_view kInDoubt = "InDoubt";  // warning

tl::unexpected<Error> ending() { return fail(ErrorCode::unavailable, "vsmgrd is ending"); }
// What the step of a record is called as an event: noun and past verb.
std::string event_of(const Record& before, const Record& after) {
  if (before.id.empty()) return "migration.started";
  if (before.outcome != after.outcome) {
    switch (after.outcome) {
      case Outcome::running:     return "migration.resumed";
      case Outcome::in_doubt:    return "migration.doubted";
      case Outcome::giving_back: return "migration.returned";
      case Outcome::done:        return "migration.succeeded";
      case Outcome::cancelled:   return "migration.cancelled";
      case Outcome::given_back:
      case Outcome::taken_back:  return "migration.failed";
    }
  }
  return after.phase == Phase::freeze ? "migration.frozen" : after.phase == Phase::commit ? "migration.committed" : "migration.progressed";
}

}  // namespace

Mover::Mover(std::string node, Store& store, const Clock& clock, HandoffHooks hooks, const handoff::Limits& limits)
    : node_(std::move(node)),
      store_(store),
      clock_(clock),
      hooks_(std::move(hooks)),
      journal_(store.handoffs()),
      keeper_(node_, limits, handoff::Versions{},
              {.write = [this](const handoff::Entry& entry) { return journal_.write(entry); },
               .forget = [this](const std::vector<std::string>& ids) { journal_.forget(ids); },
               .judge = [this](const handoff::Message& message) { return deeds_.judge(message); },
               .random = handoff::random_secret}),
      deeds_(store, clock, hooks_,
             {.post = [this](std::function<void()> work) { post(std::move(work)); },
              .happen = [this](const std::string& id, const handoff::Event& event) { obey(keeper_.happen(id, event, now())); },
              .epoch_of = [this](const std::string& binding) { return keeper_.may_serve(binding); }}) {
  keeper_.on_change([this](const Record& before, const Record& after) { changed(before, after); });
}

Mover::~Mover() { stop(); }

Time Mover::now() const { return std::chrono::duration_cast<Time>(clock_.now().time_since_epoch()); }

Result<> Mover::open() {
  auto kept = journal_.read();
  if (!kept) return fail(std::move(kept.error()).within("handoffs"));
  for (const auto& [id, times] : kept->times) times_[id] = {.started = times.started, .changed = times.changed, .froze = {}, .blackout = {}};
  // What is to be done waits for start(): nobody is there yet to do it.
  handoff::Orders orders = keeper_.load(std::move(kept->records), std::move(kept->standings), now());
  for (const auto& [id, record] : keeper_.records())
    if (record.outcome == Outcome::in_doubt) tell(record, record);
  publish();
  work_.emplace_back([this, orders = std::move(orders)]() mutable { obey(std::move(orders)); });
  return {};
}

void Mover::start() {
  thread_ = std::thread([this] { run(); });
}

void Mover::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  work_.clear();  // who waits for it is answered: see ask()
  checks_.clear();
}

bool Mover::post(std::function<void()> work) const {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    work_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

// Work that is dropped breaks its promise, which answers.
template <class Answer>
Answer Mover::ask(std::function<Answer()> work) const {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  if (!post([promise, work = std::move(work)] { promise->set_value(work()); })) return ending();
  promise.reset();
  if (answer.wait_for(kMoverAnswer) != std::future_status::ready)
    return fail(ErrorCode::unavailable, "the disk takes longer than it should: what becomes of it shows in the list");
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return ending();
  }
}

void Mover::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (work_.empty()) {
      lock.unlock();
      tell_log();
      const Time next = keeper_.next();
      const Time rest = next == Time::max() ? next : std::max(next - now(), Time{0});
      lock.lock();
      const auto woken = [this] { return stopping_ || !work_.empty(); };
      if (next == Time::max())
        changed_.wait(lock, woken);
      else
        changed_.wait_for(lock, rest, woken);
    }
    if (stopping_) break;
    const auto work = std::exchange(work_, {});
    lock.unlock();
    for (const auto& one : work) one();
    if (keeper_.next() <= now()) obey(keeper_.tick(now()));
    lock.lock();
  }
}

// The reconciler is woken when all is done: it finds what was declared in the same pass as its owner.
void Mover::obey(handoff::Orders orders) {
  const bool news = publish();  // also when nothing is to be done: it may be served here again
  const std::uint64_t version = owners_.with([](const Asked& asked) { return asked.version; });
  for (const Order& order : orders) {
    const auto found = keeper_.records().find(order.id);
    if (found != keeper_.records().end()) {
      const Record record = found->second;  // what a deed brings about may change it
      deeds_.perform(record, order.deed, version);
    } else if (const auto* send = std::get_if<handoff::Send>(&order.deed)) {
      hooks_.send(send->message.to, send->message);  // an answer about what is not kept here
    }
  }
  if (news && hooks_.wake) hooks_.wake();
  if (!orders.empty()) deeds_.look(told_version_);
}

bool Mover::publish() {
  Owners owners = owners_of(keeper_, node_);
  return owners_.with([&](Asked& asked) {
    if (asked.version != 0 && asked.owners == owners) return false;
    asked.owners = std::move(owners);
    ++asked.version;
    return true;
  });
}

Owners Mover::owners() {
  return owners_.with([&](const Asked& asked) {
    asked_version_ = asked.version;
    return asked.owners;
  });
}

void Mover::told() {
  told_version_ = asked_version_.load();
  look();
}

void Mover::look() {
  if (look_posted_.exchange(true)) return;
  if (!post([this] {
        look_posted_ = false;
        deeds_.look(told_version_);
      }))
    look_posted_ = false;
}

// Whoever asks.

Result<> Mover::movable(const handoff::Move& move) const {
  const auto desired = store_.snapshot().desired;
  if (desired->domains.find(move.domain) == desired->domains.end())
    return fail(ErrorCode::not_found, fmt::format("Domain \"{}\": not declared", move.domain));
  const auto known = peers();
  const auto is_peer = [&](const handoff::PeerView& peer) { return peer.name == move.peer; };
  if (move.peer == node_ || std::any_of(known.begin(), known.end(), is_peer)) return {};
  return fail(ErrorCode::not_found, fmt::format("node \"{}\" is no peer of this one (vsmgrd --peer)", move.peer));
}

Result<handoff::Migration> Mover::start(const handoff::Move& move) {
  if (auto fits = movable(move); !fits) return fail(fits.error());
  return ask<Result<handoff::Migration>>([this, move]() -> Result<handoff::Migration> {
    auto orders = keeper_.start(move, now());
    if (!orders) return fail(orders.error());
    const std::string id = orders->front().id;
    obey(std::move(*orders));
    return view_of(keeper_.records().at(id));
  });
}

Result<handoff::Migration> Mover::say(std::string_view id, handoff::Word word) {
  return ask<Result<handoff::Migration>>([this, id = std::string(id), word]() -> Result<handoff::Migration> {
    auto orders = keeper_.say(id, word, now());
    if (!orders) return fail(orders.error());
    obey(std::move(*orders));
    return view_of(keeper_.records().at(id));
  });
}

Result<> Mover::check(const handoff::Move& move) {
  if (auto fits = movable(move); !fits) return fits;
  if (move.peer == node_) return fail(ErrorCode::invalid, fmt::format("domain {}: node {} is where it is", move.domain, node_));
  const auto question = std::make_shared<std::promise<Result<>>>();
  auto answer = question->get_future();
  const std::string id = handoff::random_secret();
  const auto asked = ask<Result<>>([this, move, question, id]() -> Result<> {
    auto luggage = deeds_.gather(move.domain, move.peer);
    if (!luggage) return fail(std::move(luggage.error()).within("node " + node_));
    handoff::Message message{.id = id, .verb = handoff::Verb::check, .from = node_, .to = move.peer, .domain = move.domain};
    message.bindings = std::move(luggage->bindings);
    message.parcel = std::move(luggage->parcel);
    checks_[id] = question;
    deeds_.perform(Record{.id = id}, handoff::Send{std::move(message)}, 0);
    return {};
  });
  if (!asked) return asked;
  const bool answered = answer.wait_for(handoff::kCheckPatience) == std::future_status::ready;
  post([this, id] { checks_.erase(id); });
  if (answered) return answer.get();
  for (const auto& peer : peers())
    if (peer.name == move.peer && !peer.trouble.empty())
      return fail(ErrorCode::unavailable, fmt::format("node {} is not reached: {}", move.peer, peer.trouble));
  return fail(ErrorCode::unavailable, fmt::format("node {} does not answer", move.peer));
}

void Mover::take_check_answer(const handoff::Message& message) {
  const auto found = checks_.find(message.id);
  if (message.answer == handoff::Answer::ok)
    found->second->set_value({});
  else
    found->second->set_value(fail(ErrorCode::denied, fmt::format("node {} refuses: {}", message.from, message.reason)));
  checks_.erase(found);
}

std::vector<handoff::Migration> Mover::list() const {
  auto listed = ask<Result<std::vector<handoff::Migration>>>([this]() -> Result<std::vector<handoff::Migration>> {
    std::vector<handoff::Migration> all;
    for (const auto& [id, record] : keeper_.records()) all.push_back(view_of(record));
    std::stable_sort(all.begin(), all.end(), [](const auto& one, const auto& other) { return one.started_at > other.started_at; });
    return all;
  });
  return listed ? std::move(*listed) : std::vector<handoff::Migration>();
}

std::vector<handoff::PeerView> Mover::peers() const { return hooks_.peers ? hooks_.peers() : std::vector<handoff::PeerView>(); }

Result<> Mover::hear(std::string_view peer, handoff::Message message) {
  {
    const std::lock_guard lock(mutex_);
    if (work_.size() >= kMoverMessagesMax) {
      ++refused_;
      return fail(ErrorCode::exhausted, fmt::format("{} messages wait, limit {}", work_.size(), kMoverMessagesMax));
    }
  }
  message.from = peer;  // as its certificate says
  const bool taken = post([this, message = std::move(message)] {
    if (message.verb == handoff::Verb::check && message.answer != handoff::Answer::none && checks_.contains(message.id))
      return take_check_answer(message);
    obey(keeper_.hear(message, now()));
  });
  return taken ? Result<>() : Result<>(ending());
}

// What is told of it.

handoff::Migration Mover::view_of(const Record& record) const {
  handoff::Migration view{.id = record.id,
                 .role = record.role,
                 .domain = record.domain,
                 .labels = labels_in(record.parcel),
                 .peer = record.peer,
                 .version = record.version,
                 .phase = record.phase,
                 .outcome = record.outcome,
                 .manual = record.manual,
                 .bindings = record.bindings,
                 .reason = record.reason};
  if (view.labels.empty()) {  // not packed yet
    const auto desired = store_.snapshot().desired;
    if (const auto domain = desired->domains.find(record.domain); domain != desired->domains.end())
      view.labels = domain->second.metadata.labels;
  }
  if (record.manual && record.outcome == Outcome::running && record.volatile_.ready) {
    if (record.phase == Phase::transfer) view.waits_for = handoff::Word::freeze;
    if (record.phase == Phase::freeze) view.waits_for = handoff::Word::commit;
  }
  if (const auto times = times_.find(record.id); times != times_.end()) {
    view.started_at = times->second.started;
    view.changed_at = times->second.changed;
    view.blackout = times->second.blackout;
    if (!view.blackout && times->second.froze) view.blackout = now() - *times->second.froze;
  }
  return view;
}

void Mover::changed(const Record& before, const Record& after) {
  Times& times = times_[after.id];
  times.changed = clock_.wall();
  if (before.id.empty()) times.started = times.changed;
  if (handoff::ended(after.outcome)) deeds_.forget(after.id);
  if (after.phase == Phase::freeze && before.phase != Phase::freeze) times.froze = now();
  const bool over = times.froze && !times.blackout && (after.phase == Phase::confirm || handoff::ended(after.outcome));
  if (over) times.blackout = now() - *times.froze;
  counted_.with([&](Counted& counted) {
    if (over) counted.blackouts.record(*times.blackout);
    if (!handoff::ended(before.outcome) && handoff::ended(after.outcome))
      ++counted.ended[{std::string(name_of(after.role)), std::string(name_of(after.outcome))}];
  });
  tell(before, after);
}

void Mover::tell(const Record& before, const Record& after) {
  if (after.outcome == Outcome::in_doubt)
    store_.warnings().note({.type = std::string(kInDoubt), .kind = std::string(kEventKind), .name = after.id,
                            .severity = Warning::Severity::high, .message = fmt::format("domain {}: {}", after.domain, after.reason)});
  else if (before.outcome == Outcome::in_doubt)
    store_.warnings().clear(std::string(kInDoubt), std::string(kEventKind), after.id);
  log::info("handoff.changed", {{"id", after.id}, {"domain", after.domain}, {"role", name_of(after.role)}, {"peer", after.peer},
                                {"phase", name_of(after.phase)}, {"outcome", name_of(after.outcome)}, {"reason", after.reason}});
  untold_.push_back({.type = event_of(before, after),
                     .kind = std::string(kEventKind),
                     .name = after.id,
                     .labels = labels_in(after.parcel),
                     .reason = std::string(name_of(after.outcome)),
                     .message = fmt::format("domain {}, {} node {}, {}{}{}", after.domain,
                                            after.role == handoff::Role::source ? "to" : "from", after.peer, name_of(after.phase),
                                            after.reason.empty() ? "" : ": ", after.reason),
                     .actor = the_daemon()});
}

bool Mover::in_blackout() const {
  const auto& records = keeper_.records();
  return std::any_of(records.begin(), records.end(), [](const auto& entry) {
    const Record& record = entry.second;
    return record.outcome == Outcome::running && (record.phase == Phase::freeze || record.phase == Phase::commit || record.phase == Phase::finish);
  });
}

// Events wait for the disk: not while guests wait for a handoff.
void Mover::tell_log() {
  counted_.with([&](Counted& counted) {
    counted.counts = keeper_.counts();
    counted.going = counted.in_doubt = 0;
    for (const auto& [id, record] : keeper_.records()) {
      counted.going += handoff::ended(record.outcome) ? 0 : 1;
      counted.in_doubt += record.outcome == Outcome::in_doubt ? 1 : 0;
    }
  });
  std::erase_if(times_, [&](const auto& one) { return !keeper_.records().contains(one.first); });
  if (untold_.empty() || in_blackout()) return;
  for (Event& event : std::exchange(untold_, {}))
    if (auto told = store_.events().append(std::move(event)); !told) log::warn("handoff.event_not_told", {{"error", told.error()}});
}

std::vector<Sample> Mover::samples() const {
  const Counted counted = counted_.with([](const Counted& now) { return now; });
  std::vector<Sample> samples;
  const auto add = [&](const char* name, const char* help, Sample::Type type, std::uint64_t value) -> Sample& {
    return samples.emplace_back(Sample{.name = name, .help = help, .type = type, .value = static_cast<double>(value)});
  };
  using Type = Sample::Type;
  add("vservices_migrations_started_total", "Handoffs of domains that this node began.", Type::counter, counted.counts.started);
  for (const auto& [which, count] : counted.ended)
    add("vservices_migrations_ended_total", "Handoffs that ended, by this node's role and how.", Type::counter, count).labels = {
        {"role", which.first}, {"outcome", which.second}};
  add("vservices_migrations_running", "Handoffs that have not ended.", Type::gauge, counted.going);
  add("vservices_migrations_in_doubt", "Handoffs of which this node does not know whether the other serves.", Type::gauge, counted.in_doubt);
  add("vservices_migration_messages_refused_total", "Messages of peers without a proof, about what is not known, or for which there was no room.",
      Type::counter, counted.counts.refused_messages + refused_);
  add("vservices_migration_writes_failed_total", "Steps of handoffs that the disk did not take.", Type::counter, counted.counts.unwritten);
  samples.push_back(counted.blackouts.sample("vservices_migration_blackout_seconds",
                                             "Time from a domain's freeze here until it was served there, or here again."));
  return samples;
}

}  // namespace vs
