// Guests that do anything they can - hellos, doorbells, hang-ups, every byte of their region - to a
// whole backend: whoever broke its ring is told so and hung up on, everyone else is served, and
// nothing of the guest stays behind.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/backend/backend.h"
#include "dataplane/transport/local/local_transport.h"
#include "tests/fuzz/raw_guest.h"

namespace vs::fuzz {
namespace {

inline constexpr std::uint16_t kEcho = 256;
inline constexpr std::uint16_t kGrow = 257;    // answers up to 64 KiB
inline constexpr std::uint16_t kKeep = 258;    // answers when told
inline constexpr std::uint16_t kRefuse = 259;  // any other type: forgets the reply

inline constexpr int kDeedsMax = 32;
inline constexpr std::size_t kGuestsMax = 3;
inline constexpr int kTurnsMax = 200;  // within which whatever is due has happened

class ScriptedService final : public Service {
 public:
  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>&) override {
    return {};
  }
  void handle(const Request& request, Reply reply) override {
    switch (request.type) {
      case kEcho: return std::move(reply).send(request.payload);
      case kGrow: return std::move(reply).send(std::span(large_).first(count(request.payload)));
      case kKeep: kept.push_back(std::move(reply)); return;
      case kRefuse: return std::move(reply).send(fail(ErrorCode::exhausted, "as told"));
      default: return;
    }
  }
  std::vector<Sample> samples() const override { return {}; }

  std::vector<Reply> kept;

 private:
  static std::size_t count(std::span<const std::byte> payload) {
    std::uint16_t bytes = 0;
    if (payload.size() >= sizeof bytes) std::memcpy(&bytes, payload.data(), sizeof bytes);
    return bytes;
  }
  std::vector<std::byte> large_ = std::vector<std::byte>(1 << 16);
};

// A backend and a guest that behaves, for as long as the process lives.
class Node {
 public:
  Node() {
    log::set_level(log::Level::error);
    std::string pattern = (std::filesystem::temp_directory_path() / "vs-fuzz-XXXXXX").string();
    VS_CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    auto service = std::make_unique<ScriptedService>();
    service_ = service.get();
    backend_ = std::make_unique<Backend>(loop_, "echo", std::move(service), std::make_unique<LocalTransport>(directory_));
    configure(true);
    neighbour_ = open("web2");
    VS_CHECK(neighbour_->welcomed());
  }
  ~Node() { std::filesystem::remove_all(directory_); }

  // Grants web1 its device, or does not, with rings of such a size; web2 always has one.
  void configure(bool granted, std::uint32_t request_bytes = control::Terms{}.request_bytes) {
    if (std::exchange(granted_, granted) == granted && std::exchange(request_bytes_, request_bytes) == request_bytes) return;
    request_bytes_ = request_bytes;
    const control::Terms terms{.request_bytes = request_bytes};
    const auto applied = backend_->configure({++number_,
                                              {{"echo", nlohmann::json::object()}},
                                              {{"web1-echo", "web1", "echo", "echo", granted, terms},
                                               {"web2-echo", "web2", "echo", "echo", true}}});
    VS_CHECK(applied.problems.empty());
  }
  std::string socket(const std::string& domain) const {
    return (directory_ / domain / "echo").string();
  }
  // With the ticket of a session, for another region of it.
  std::unique_ptr<RawGuest> open(const std::string& domain, std::uint64_t ticket = 0) {
    UniqueFd connection = connect_to(socket(domain));
    VS_CHECK(connection);
    vs_local_hello hello = good_hello();
    hello.takes = VS_LOCAL_TAKES_RENEWAL;
    hello.ticket = ticket;
    VS_CHECK(::send(connection.get(), &hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello);
    turn();
    return std::make_unique<RawGuest>(std::move(connection));
  }

  void turn() { loop_.run_once(std::chrono::milliseconds(0)); }
  // A turn that may go to sleep: asks guests to ring, and is woken at once.
  void rest() {
    loop_.post([] {});
    loop_.run_once(std::chrono::milliseconds(1));
  }

  void neighbour_is_served() {
    const std::uint64_t question = ++asked_;
    const vs_request head{.answer_bytes_max = 64, .timeout_ms = 1000};
    VS_CHECK(vs_producer_push(&neighbour_->requests(), kEcho, question, &head, sizeof head,
                              &question, sizeof question) == 1);
    if (vs_producer_publish(&neighbour_->requests())) neighbour_->doorbell();
    struct {
      vs_answer head;
      std::uint64_t question;
      unsigned char rest[1 << 15];
    } answer;
    vs_taken taken{};
    for (int turns = 0; turns < kTurnsMax; ++turns) {
      turn();
      const int status = vs_consumer_take(&neighbour_->answers(), &answer, &taken);
      VS_CHECK(status >= 0);
      if (status == 0) continue;
      VS_CHECK(taken.cookie == question &&
               taken.payload_bytes == sizeof(vs_answer) + sizeof question);
      VS_CHECK(answer.head.status == VS_STATUS_OK && answer.question == question);
      if (vs_consumer_release(&neighbour_->answers())) neighbour_->doorbell();
      VS_CHECK(!neighbour_->is_left_alone());
      return;
    }
    VS_CHECK(!"the neighbour is not served");
  }
  // Nothing is left of anybody but the neighbour.
  void is_empty_again() {
    for (int turns = 0; turns < kTurnsMax && backend_->sessions() != 1; ++turns) turn();
    VS_CHECK(backend_->sessions() == 1);
  }

  ScriptedService& service() { return *service_; }

 private:
  EventLoop loop_;
  std::filesystem::path directory_;
  std::unique_ptr<Backend> backend_;
  ScriptedService* service_ = nullptr;
  std::unique_ptr<RawGuest> neighbour_;
  std::uint64_t number_ = 0;
  std::uint64_t asked_ = 0;
  bool granted_ = false;
  std::uint32_t request_bytes_ = 0;
};

class Story {
 public:
  Story(FuzzedDataProvider& input, Node& node) : input_(input), node_(node) {}

  void run() {
    for (int deeds = 0; deeds < kDeedsMax && input_.remaining_bytes() != 0; ++deeds) act();
    settle();
    node_.neighbour_is_served();
    for (const auto& guest : guests_) who_is_hung_up_on_was_told(*guest);
    guests_.clear();
    strangers_.clear();
    node_.configure(true);
    node_.service().kept.clear();
    node_.is_empty_again();
  }

 private:
  void act() {
    const int deed = input_.ConsumeIntegralInRange<int>(0, 22);
    switch (deed) {
      case 0: return open();
      case 1: return connect_strangely();
      case 2: node_.turn(); return;
      case 3: node_.rest(); return;
      case 4: return answer_kept();
      case 5:
        if (input_.ConsumeIntegralInRange<int>(0, 3) != 0) return;
        node_.configure(input_.ConsumeBool());
        revoked_ = true;
        return;
      case 20:
        node_.configure(true, 4096u << input_.ConsumeIntegralInRange<int>(0, 6));
        revoked_ = true;
        return;
      default: break;
    }
    if (guests_.empty()) return open();
    std::unique_ptr<RawGuest>& chosen = guests_[input_.ConsumeIntegralInRange<std::size_t>(0, guests_.size() - 1)];
    RawGuest& guest = *chosen;
    if (!guest.welcomed()) return;
    if (deed > 20) return renew(chosen);
    if (deed < 13) return ask(guest);
    if (deed < 16) return scribble(guest);
    if (deed < 18) return move_index(guest);
    if (deed == 18) return take(guest);
    leave(guest);
  }

  void open() {
    if (guests_.size() < kGuestsMax) guests_.push_back(node_.open("web1"));
  }

  void connect_strangely() {
    UniqueFd socket = connect_to(node_.socket("web1"));
    if (!socket || strangers_.size() > 8) return;
    vs_local_hello hello = good_hello();
    std::vector<std::byte> bytes(sizeof hello);
    std::memcpy(bytes.data(), &hello, sizeof hello);
    bytes[input_.ConsumeIntegralInRange<std::size_t>(0, bytes.size() - 1)] =
        static_cast<std::byte>(input_.ConsumeIntegral<std::uint8_t>());
    if (input_.ConsumeBool()) bytes.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 200));
    const std::array gifts{socket.get(), socket.get()};
    if (input_.ConsumeBool())
      send_with(socket.get(), bytes,
                std::span(gifts).first(input_.ConsumeIntegralInRange<std::size_t>(0, 2)));
    if (input_.ConsumeBool()) strangers_.push_back(std::move(socket));
  }

  void answer_kept() {
    std::vector<Reply>& kept = node_.service().kept;
    if (kept.empty()) return;
    Reply reply = std::move(kept.back());
    kept.pop_back();
    const std::vector<std::byte> answer(input_.ConsumeIntegralInRange<std::size_t>(0, 33'000));
    std::move(reply).send(std::span<const std::byte>(answer));
  }

  void ask(RawGuest& guest) {
    vs_request head{
        .answer_bytes_max =
            input_.ConsumeBool() ? input_.ConsumeIntegralInRange<std::uint32_t>(0, 1 << 16) : 64};
    if (input_.ConsumeIntegralInRange<int>(0, 15) == 0)
      head.answer_bytes_max = input_.ConsumeIntegral<std::uint32_t>();
    head.timeout_ms = input_.ConsumeIntegral<std::uint16_t>();
    const auto type =
        static_cast<std::uint16_t>(input_.ConsumeIntegralInRange<int>(0, 31) == 0
                                       ? input_.ConsumeIntegral<std::uint16_t>()
                                       : kEcho + input_.ConsumeIntegralInRange<int>(0, 4));
    const std::uint16_t count = input_.ConsumeIntegral<std::uint16_t>();
    const int times =
        input_.ConsumeIntegralInRange<int>(0, 7) == 0 ? 80 : 1;  // more than may be unanswered
    const std::size_t head_bytes = input_.ConsumeIntegralInRange<int>(0, 31) == 0 ? 4 : sizeof head;
    for (int i = 0; i < times; ++i)
      if (vs_producer_push(&guest.requests(), type, input_.ConsumeIntegral<std::uint8_t>(), &head,
                           head_bytes, &count, sizeof count) != 1)
        break;
    if (vs_producer_publish(&guest.requests()) || input_.ConsumeBool()) guest.doorbell();
  }

  void scribble(RawGuest& guest) {
    const auto region = guest.region();
    for (int writes = input_.ConsumeIntegralInRange<int>(1, 8); writes > 0; --writes) {
      const std::uint32_t near = guest.header().request.data_offset +
                                 (guest.requests().prod & (guest.requests().size - 1));
      const std::size_t at = input_.ConsumeBool()
                                 ? near + input_.ConsumeIntegralInRange<std::size_t>(0, 47)
                                 : input_.ConsumeIntegralInRange<std::size_t>(0, region.size() - 1);
      if (is_verdict(guest, at)) continue;  // ours to read
      region[std::min(at, region.size() - 1)] =
          static_cast<std::byte>(input_.ConsumeIntegral<std::uint8_t>());
    }
    guest.doorbell();
  }

  // Another region, in which it goes on, or the old one, or both, having said so, or not.
  void renew(std::unique_ptr<RawGuest>& guest) {
    auto next = node_.open("web1", guest->header().ticket + input_.ConsumeIntegralInRange<std::uint64_t>(0, 3) / 3);
    if (input_.ConsumeIntegralInRange<int>(0, 7) != 0) {
      const std::size_t bytes = input_.ConsumeIntegralInRange<std::size_t>(0, 15) == 0 ? 4 : 0;
      (void)vs_producer_push(&guest->requests(), VS_RECORD_RENEWED, input_.ConsumeBool() ? 1 : 0, "more", bytes, nullptr, 0);
      if (vs_producer_publish(&guest->requests()) || input_.ConsumeBool()) guest->doorbell();
    }
    if (input_.ConsumeBool()) node_.turn();
    revoked_ = true;
    if (!next->welcomed()) return;
    if (input_.ConsumeIntegralInRange<int>(0, 3) != 0) std::swap(guest, next);
    if (input_.ConsumeBool() && guests_.size() < kGuestsMax + 2) guests_.push_back(std::move(next));
  }

  static bool is_verdict(const RawGuest& guest, std::size_t at) {
    const std::size_t words[] = {
        guest.header().request.cons_offset + offsetof(vs_cons_page, broken),
        guest.header().response.prod_offset + offsetof(vs_prod_page, broken)};
    return std::any_of(std::begin(words), std::end(words),
                       [&](std::size_t word) { return at >= word && at < word + 4; });
  }

  void move_index(RawGuest& guest) {
    vs_prod_page& prod = guest.prod(guest.header().request);
    vs_cons_page& cons = guest.cons(guest.header().response);
    std::uint32_t* const words[] = {&prod.prod, &prod.space_event, &prod.broken,
                                    &cons.cons, &cons.data_event,  &cons.broken};
    std::uint32_t& word =
        *words[input_.ConsumeIntegralInRange<std::size_t>(0, std::size(words) - 1)];
    word = input_.ConsumeBool() ? input_.ConsumeIntegral<std::uint32_t>()
                                : word + input_.ConsumeIntegralInRange<std::uint32_t>(0, 64) - 32;
  }

  void take(RawGuest& guest) {
    static std::vector<std::byte> into(1 << 15);
    vs_taken taken{};
    while (vs_consumer_take(&guest.answers(), into.data(), &taken) == 1) {
    }
    if (vs_consumer_release(&guest.answers())) guest.doorbell();
  }

  void leave(RawGuest& guest) {
    switch (input_.ConsumeIntegralInRange<int>(0, 5)) {
      case 0: guest.close_socket(); break;
      case 1: ::shutdown(guest.socket(), SHUT_WR); break;
      case 2: ::shutdown(guest.socket(), SHUT_RD); break;
      case 3: (void)::send(guest.socket(), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL); return;  // nobody reads it
      case 4: return spoil_doorbells(guest);
      default:
        for (int bells = 0; bells < 100; ++bells) guest.doorbell();
        return;
    }
    left_.push_back(&guest);
  }

  // Fills them up again, or takes some out: what it rings is not heard, or it is rung for nothing.
  void spoil_doorbells(const RawGuest& guest) {
    for (const int bell : {guest.own_bell(), guest.backends_bell()}) {
      std::uint64_t count = input_.ConsumeIntegralInRange<std::uint64_t>(1, 3);
      if (input_.ConsumeBool())
        (void)!::write(bell, &count, sizeof count);
      else
        (void)!::read(bell, &count, sizeof count);
    }
  }

  void settle() {
    for (int turns = 0; turns < 2; ++turns) node_.rest();
  }

  // A session ends when its guest broke the ring, and says there why; or when somebody asked for
  // its end.
  void who_is_hung_up_on_was_told(RawGuest& guest) {
    if (revoked_ || !guest.welcomed() ||
        std::find(left_.begin(), left_.end(), &guest) != left_.end())
      return;
    const bool told = guest.cons(guest.header().request).broken != 0 ||
                      guest.prod(guest.header().response).broken != 0;
    VS_CHECK(guest.is_left_alone() == told);
  }

  FuzzedDataProvider& input_;
  Node& node_;
  std::vector<std::unique_ptr<RawGuest>> guests_;
  std::vector<const RawGuest*> left_;
  std::vector<UniqueFd> strangers_;  // connections that said something else than hello
  bool revoked_ = false;
};

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static vs::fuzz::Node node;
  FuzzedDataProvider input(bytes, size);
  vs::fuzz::Story(input, node).run();
  return 0;
}
