#include "dataplane/services/pubsub/mqtt/mqtt_link.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace vs::pubsub {
namespace {

constexpr int kDefaultPort = 1883;
constexpr int kDefaultTlsPort = 8883;
constexpr std::string_view kContentType = "Content-Type";
constexpr int kRefusedFrom = 0x80;  // reason codes (MQTT 5, 2.4)

// Properties of one packet.
class Properties {
 public:
  ~Properties() { mosquitto_property_free_all(&list_); }
  mosquitto_property** place() { return &list_; }
  [[nodiscard]] const mosquitto_property* get() const { return list_; }

 private:
  mosquitto_property* list_ = nullptr;
};

struct Address {
  std::string host;
  int port;
  bool tls;
};

// mqtt://HOST[:PORT] or mqtts://..., judged by vsmgrd.
Address address_of(const std::string& server) {
  Address address{.host = {}, .port = kDefaultPort, .tls = server.starts_with("mqtts://")};
  if (address.tls) address.port = kDefaultTlsPort;
  const std::string place = server.substr(server.find("://") + 3);
  const auto colon = place.rfind(':');
  const bool has_port = colon != std::string::npos && place.find(']', colon) == std::string::npos;
  address.host = place.substr(0, has_port ? colon : std::string::npos);
  if (address.host.starts_with('[') && address.host.ends_with(']')) address.host = address.host.substr(1, address.host.size() - 2);
  if (has_port) (void)std::from_chars(place.data() + colon + 1, place.data() + place.size(), address.port);
  return address;
}

std::string client_name(const EngineTerms& terms, bool keeps) {
  std::random_device random;
  const std::string name = "vs-" + terms.node + "-" + terms.service;  // the server knows us again by it
  return keeps ? name : fmt::format("{}-{:08x}", name, random());
}

// The library reads these from files only; this one has no name.
UniqueFd file_with(const std::string& text) {
  UniqueFd fd(::memfd_create("vs-mqtt", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return {};
  return fd;
}

std::string path_of(const UniqueFd& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string owned(char* text) {
  const std::unique_ptr<char, void (*)(void*)> held(text, ::free);
  return text == nullptr ? "" : text;
}

Headers headers_in(const mosquitto_property* list) {
  Headers headers;
  char* name = nullptr;
  char* value = nullptr;
  bool again = false;
  for (const mosquitto_property* at = list;
       headers.size() <= kHeadersMax &&
       (at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, again)) != nullptr;
       again = true) {
    std::string key = owned(std::exchange(name, nullptr));
    headers.emplace_back(std::move(key), owned(std::exchange(value, nullptr)));
  }
  if (mosquitto_property_read_string(list, MQTT_PROP_CONTENT_TYPE, &value, false) != nullptr)
    headers.emplace_back(kContentType, escaped(owned(value)));
  return headers;
}

}  // namespace

// Shared with the thread, which may live longer than the link.
struct MqttLink::State {
  EngineTerms terms;
  bool keeps;
  std::shared_ptr<Handoff<Item>::Giver> giver;
  mosquitto* client = nullptr;  // its calls are thread-safe; there until the thread ends
  std::vector<UniqueFd> files;
  std::string server;  // the thread's
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;              // mutex
  bool connected = false;             // mutex
  std::map<std::string, bool> topics;  // mutex; whether at least once
  std::map<int, std::size_t> on_way;   // mutex; bytes of those at most once
  std::size_t on_way_bytes = 0;        // mutex

  ~State() {
    if (client != nullptr) mosquitto_destroy(client);
  }

  void tell(MqttNews::What what, std::string text) const { giver->give(MqttNews{what, std::move(text)}, 0, true); }
  static State& of(void* closure) { return *static_cast<State*>(closure); }

  static void on_connect(mosquitto*, void* closure, int reason, int, const mosquitto_property*) {
    State& state = of(closure);
    if (reason != 0) return state.tell(MqttNews::What::trouble, mosquitto_reason_string(reason));
    {
      const std::lock_guard lock(state.mutex);
      state.connected = true;
      for (const auto& [topic, at_least_once] : state.topics) state.subscribe(topic, at_least_once);
    }
    state.tell(MqttNews::What::connected, state.server);
  }
  static void on_disconnect(mosquitto*, void* closure, int reason, const mosquitto_property*) {
    State& state = of(closure);
    {
      const std::lock_guard lock(state.mutex);
      state.connected = false;
      state.on_way.clear();
      state.on_way_bytes = 0;
    }
    state.tell(MqttNews::What::lost, reason == 0 ? "" : reason < kRefusedFrom ? mosquitto_strerror(reason) : mosquitto_reason_string(reason));
  }
  static void on_message(mosquitto*, void* closure, const mosquitto_message* message, const mosquitto_property* properties) {
    MqttMessage one{.topic = message->topic,
                    .headers = headers_in(properties),
                    .data = {static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)}};
    std::size_t bytes = one.topic.size() + one.data.size() + sizeof one;
    for (const auto& [name, value] : one.headers) bytes += name.size() + value.size();
    of(closure).giver->give(std::move(one), bytes);
  }
  static void on_publish(mosquitto*, void* closure, int id, int reason, const mosquitto_property*) {
    State& state = of(closure);
    {
      const std::lock_guard lock(state.mutex);
      if (const auto found = state.on_way.find(id); found != state.on_way.end()) {
        state.on_way_bytes -= found->second;
        state.on_way.erase(found);
      }
    }
    state.giver->give(MqttSent{id, reason >= kRefusedFrom}, 0, true);
    if (reason >= kRefusedFrom) state.tell(MqttNews::What::not_permitted, std::string("publish: ") + mosquitto_reason_string(reason));
  }
  static void on_subscribe(mosquitto*, void* closure, int, int count, const int* granted, const mosquitto_property*) {
    for (int i = 0; i < count; ++i)
      if (granted[i] >= kRefusedFrom)
        of(closure).tell(MqttNews::What::not_permitted, std::string("subscribe: ") + mosquitto_reason_string(granted[i]));
  }

  void subscribe(const std::string& topic, bool at_least_once) const {
    (void)mosquitto_subscribe_v5(client, nullptr, topic.c_str(), at_least_once ? 1 : 0, at_least_once ? 0 : MQTT_SUB_OPT_NO_LOCAL, nullptr);
  }

  bool prepare(const std::string& name) {
    static const int library = mosquitto_lib_init();  // once a process
    if (library != MOSQ_ERR_SUCCESS) return false;
    client = mosquitto_new(name.c_str(), !keeps, this);
    if (client == nullptr) return false;
    (void)mosquitto_threaded_set(client, true);
    (void)mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_v5_callback_set(client, &on_connect);
    mosquitto_disconnect_v5_callback_set(client, &on_disconnect);
    mosquitto_message_v5_callback_set(client, &on_message);
    mosquitto_publish_v5_callback_set(client, &on_publish);
    mosquitto_subscribe_v5_callback_set(client, &on_subscribe);
    int status = MOSQ_ERR_SUCCESS;
    if (!terms.user.empty()) status = mosquitto_username_pw_set(client, terms.user.c_str(), terms.password.c_str());
    if (status == MOSQ_ERR_SUCCESS && address_of(terms.servers.front()).tls) status = set_tls();
    if (status != MOSQ_ERR_SUCCESS) tell(MqttNews::What::trouble, mosquitto_strerror(status));
    return status == MOSQ_ERR_SUCCESS;
  }

  int set_tls() {
    std::vector<std::string> paths;
    for (const std::string* text : {&terms.ca, &terms.certificate, &terms.key}) {
      if (!text->empty()) files.push_back(file_with(*text));
      paths.push_back(text->empty() ? "" : path_of(files.back()));
    }
    const auto given = [&](std::size_t at) { return paths[at].empty() ? nullptr : paths[at].c_str(); };
    return mosquitto_tls_set(client, given(0), given(0) == nullptr ? "/etc/ssl/certs" : nullptr, given(1), given(2), nullptr);
  }

  // Until it is told to stop.
  void run() {
    std::size_t next = 0;
    int failures = 0;
    for (std::unique_lock lock(mutex); !stopping;) {
      lock.unlock();
      server = terms.servers[next++ % terms.servers.size()];
      const Address address = address_of(server);
      Properties properties;
      if (keeps) (void)mosquitto_property_add_int32(properties.place(), MQTT_PROP_SESSION_EXPIRY_INTERVAL, kMqttSessionS);
      int status = mosquitto_connect_bind_v5(client, address.host.c_str(), address.port, kMqttKeepAliveS, nullptr, properties.get());
      if (status == MOSQ_ERR_SUCCESS) {
        bool wanted = true;
        while (wanted && status == MOSQ_ERR_SUCCESS) {
          status = mosquitto_loop(client, kMqttLoopMs, 1);
          lock.lock();
          wanted = !stopping;
          if (connected) failures = 0;
          lock.unlock();
        }
        if (!wanted) (void)mosquitto_disconnect(client);
      } else {
        tell(MqttNews::What::trouble, status == MOSQ_ERR_ERRNO ? std::generic_category().message(errno) : mosquitto_strerror(status));
      }
      lock.lock();
      const auto pause = std::min<std::chrono::milliseconds>(kReconnectPauseMin * (1 << std::min(failures++, 10)), kReconnectPauseMax);
      wake.wait_for(lock, pause, [&] { return stopping; });
    }
  }
};

MqttLink::MqttLink(EventLoop& loop, const EngineTerms& terms, bool keeps, Callbacks callbacks)
    : state_(std::make_shared<State>()),
      handoff_(loop, {kInboxEventsMax, kInboxBytesMax},
               {.take =
                    [on_message = std::move(callbacks.on_message), on_news = std::move(callbacks.on_news),
                     on_sent = std::move(callbacks.on_sent)](Item item) {
                      if (auto* message = std::get_if<MqttMessage>(&item)) return on_message(std::move(*message));
                      if (const auto* sent = std::get_if<MqttSent>(&item)) return on_sent(*sent);
                      on_news(std::move(std::get<MqttNews>(item)));
                    },
                .pause = std::move(callbacks.on_pause),
                .lost = std::move(callbacks.on_lost)}) {
  state_->terms = terms;
  state_->keeps = keeps;
  state_->giver = handoff_.giver();
  if (state_->prepare(client_name(terms, keeps))) std::thread([state = state_] { state->run(); }).detach();
}

MqttLink::~MqttLink() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->wake.notify_all();
}

std::optional<int> MqttLink::publish(const MqttMessage& message, bool at_least_once) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  const std::size_t bytes = message.data.size();
  if (!state.connected || state.on_way.size() == kOutboxEventsMax || bytes > kOutboxBytesMax - state.on_way_bytes) return std::nullopt;
  Properties properties;
  for (const auto& [name, value] : message.headers) {
    const auto plain = name == kContentType ? unescaped(value) : Result<std::string>(fail(ErrorCode::invalid, ""));
    if (plain && is_plain(*plain))
      (void)mosquitto_property_add_string(properties.place(), MQTT_PROP_CONTENT_TYPE, plain->c_str());
    else
      (void)mosquitto_property_add_string_pair(properties.place(), MQTT_PROP_USER_PROPERTY, name.c_str(), value.c_str());
  }
  int id = 0;
  const int status = mosquitto_publish_v5(state.client, &id, message.topic.c_str(), static_cast<int>(bytes), message.data.data(),
                                          at_least_once ? 1 : 0, false, properties.get());
  if (status != MOSQ_ERR_SUCCESS) return std::nullopt;
  if (!at_least_once) {
    state.on_way[id] = bytes;
    state.on_way_bytes += bytes;
  }
  return id;
}

void MqttLink::subscribe(const std::string& topic, bool at_least_once) {
  const std::lock_guard lock(state_->mutex);
  state_->topics[topic] = at_least_once;
  if (state_->connected) state_->subscribe(topic, at_least_once);
}

void MqttLink::unsubscribe(const std::string& topic) {
  const std::lock_guard lock(state_->mutex);
  state_->topics.erase(topic);
  if (state_->connected) (void)mosquitto_unsubscribe(state_->client, nullptr, topic.c_str());
}

}  // namespace vs::pubsub
