#include "dataplane/services/pubsub/nats/nats_link.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <nats/nats.h>

#include "base/log.h"
#include "base/unique_fd.h"

namespace vs::pubsub {
namespace {

template <auto Close>
struct CloseWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Close(handle);
  }
};
using Options = std::unique_ptr<natsOptions, CloseWith<&natsOptions_Destroy>>;
using Connection = std::unique_ptr<natsConnection, CloseWith<&natsConnection_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, CloseWith<&natsSubscription_Destroy>>;
using Message = std::unique_ptr<natsMsg, CloseWith<&natsMsg_Destroy>>;

std::chrono::milliseconds pause_after(int failures) {
  const auto pause = kReconnectPauseMin * (1 << std::min(failures, 10));
  return std::min(pause, kReconnectPauseMax);
}

// A file that has this text and no name: the library reads some things from files only.
UniqueFd file_of(const std::string& text) {
  UniqueFd fd(::memfd_create("vs-nats", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return {};
  return fd;
}

Headers headers_of(natsMsg* message) {
  Headers headers;
  const char** names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(message, &names, &count) != NATS_OK) return headers;
  for (int i = 0; i < count; ++i) {
    const char* value = nullptr;
    if (natsMsgHeader_Get(message, names[i], &value) == NATS_OK) headers.emplace_back(names[i], value == nullptr ? "" : value);
  }
  ::free(names);
  return headers;
}

}  // namespace

struct NatsLink::Library {
  // What the library's threads may reach for as long as they run; freed by the last that may use it.
  struct Watch {
    NatsLink* link;  // outlives the connection
    std::shared_ptr<Handoff<Item>::Giver> giver;

    void tell(NatsNews::What what, std::string text) const { giver->give(NatsNews{what, std::move(text)}, 0, true); }
  };
  struct Place {
    std::shared_ptr<Handoff<Item>::Giver> giver;
    std::string subject;
  };

  static std::string server_of(natsConnection* connection) {
    char url[256] = "";
    (void)natsConnection_GetConnectedUrl(connection, url, sizeof url);
    const std::string text(url);  // without what proves who we are
    const auto at = text.rfind('@');
    const auto scheme = text.find("://");
    return at == std::string::npos || scheme == std::string::npos ? text : text.substr(0, scheme + 3) + text.substr(at + 1);
  }
  static std::string last_error(natsConnection* connection) {
    const char* text = nullptr;
    (void)natsConnection_GetLastError(connection, &text);
    return text == nullptr ? "" : text;
  }

  static void on_message(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
    const Message message(raw);
    const auto& place = *static_cast<const Place*>(closure);
    const char* reply = natsMsg_GetReply(raw);
    NatsMessage one{.subject = natsMsg_GetSubject(raw),
                    .reply = reply == nullptr ? "" : reply,
                    .subscription = place.subject,
                    .headers = headers_of(raw),
                    .data = {natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))}};
    std::size_t bytes = one.subject.size() + one.data.size() + sizeof one;
    for (const auto& [name, value] : one.headers) bytes += name.size() + value.size();
    place.giver->give(std::move(one), bytes);
  }
  static void on_place_done(void* closure) { delete static_cast<Place*>(closure); }
  static void on_disconnected(natsConnection* connection, void* closure) {
    static_cast<const Watch*>(closure)->tell(NatsNews::What::lost, last_error(connection));
  }
  static void on_reconnected(natsConnection* connection, void* closure) {
    static_cast<const Watch*>(closure)->tell(NatsNews::What::connected, server_of(connection));
  }
  static void on_error(natsConnection* connection, natsSubscription*, natsStatus status, void* closure) {
    const auto what = status == NATS_NOT_PERMITTED ? NatsNews::What::not_permitted : NatsNews::What::trouble;
    const std::string text = last_error(connection);
    static_cast<const Watch*>(closure)->tell(what, text.empty() ? natsStatus_GetText(status) : text);
  }
  static void on_closed(natsConnection*, void* closure) {
    const std::unique_ptr<Watch> watch(static_cast<Watch*>(closure));  // nothing comes after it
    NatsLink& link = *watch->link;
    const std::lock_guard lock(link.mutex_);
    link.closed_ = true;
    link.wake_.notify_all();
  }
  static int64_t reconnect_delay(natsConnection*, int attempts, void*) { return pause_after(attempts).count(); }

  explicit Library(NatsLink& link) : link_(link) {}

  natsStatus set_options(natsOptions* options, Watch* watch) {
    const EngineTerms& terms = link_.terms_;
    std::vector<const char*> servers;
    bool secure = !terms.ca.empty();
    for (const std::string& server : terms.servers) {
      servers.push_back(server.c_str());
      secure = secure || server.starts_with("tls://");
    }
    natsStatus status = natsOptions_SetServers(options, servers.data(), static_cast<int>(servers.size()));
    const auto then = [&](auto set, auto... values) {
      if (status == NATS_OK) status = set(options, values...);
    };
    const std::string name = "vservices " + terms.node + " " + terms.service;
    then(natsOptions_SetName, name.c_str());
    then(natsOptions_SetTimeout, kNatsConnectMs);
    then(natsOptions_SetWriteDeadline, kNatsWriteMs);
    then(natsOptions_SetPingInterval, kNatsPingMs);
    then(natsOptions_SetMaxPingsOut, kNatsPingsOutMax);
    then(natsOptions_SetMaxReconnect, -1);
    then(natsOptions_SetCustomReconnectDelay, &reconnect_delay, nullptr);
    then(natsOptions_SetNoEcho, true);
    then(natsOptions_SetSendAsap, true);
    then(natsOptions_UseGlobalMessageDelivery, true);  // one thread: what comes by two subscriptions stays in order
    then(natsOptions_SetDisconnectedCB, &on_disconnected, watch);
    then(natsOptions_SetReconnectedCB, &on_reconnected, watch);
    then(natsOptions_SetErrorHandler, &on_error, watch);
    then(natsOptions_SetClosedCB, &on_closed, watch);
    if (secure) then(natsOptions_SetSecure, true);
    if (!terms.ca.empty()) then(natsOptions_SetCATrustedCertificates, terms.ca.c_str());
    if (!terms.certificate.empty()) then(natsOptions_SetCertificatesChain, terms.certificate.c_str(), terms.key.c_str());
    if (!terms.user.empty()) then(natsOptions_SetUserInfo, terms.user.c_str(), terms.password.c_str());
    if (!terms.token.empty()) then(natsOptions_SetToken, terms.token.c_str());
    if (!terms.credentials.empty()) {
      if (!credentials_) credentials_ = file_of(terms.credentials);
      const std::string path = "/proc/self/fd/" + std::to_string(credentials_.get());
      then(natsOptions_SetUserCredentialsFromFiles, path.c_str(), nullptr);
    }
    return status;
  }

  // Whether there is a connection now.
  bool connect() {
    auto watch = std::make_unique<Watch>(Watch{&link_, link_.handoff_.giver()});
    natsOptions* raw_options = nullptr;
    natsStatus status = natsOptions_Create(&raw_options);
    const Options options(raw_options);
    if (status == NATS_OK) status = set_options(raw_options, watch.get());
    natsConnection* raw = nullptr;
    if (status == NATS_OK) status = natsConnection_Connect(&raw, raw_options);
    if (status != NATS_OK) {
      const char* more = nats_GetLastError(nullptr);
      watch->tell(NatsNews::What::trouble, more != nullptr && *more != '\0' ? more : natsStatus_GetText(status));
      return false;
    }
    connection_.reset(raw);
    watch.release()->tell(NatsNews::What::connected, server_of(raw));  // on_closed has it now
    for (auto& [subject, subscription] : subscriptions_) subscription = subscribe(subject);
    return true;
  }

  void disconnect() {
    for (auto& [subject, subscription] : subscriptions_) subscription.reset();
    if (!connection_) return;
    natsConnection_Close(connection_.get());
    std::unique_lock lock(link_.mutex_);
    link_.wake_.wait(lock, [&] { return link_.closed_; });  // its threads reach for the link no more
    link_.closed_ = false;
    lock.unlock();
    connection_.reset();
  }

  Subscription subscribe(const std::string& subject) {
    auto place = std::make_unique<Place>(Place{link_.handoff_.giver(), subject});
    natsSubscription* raw = nullptr;
    const natsStatus status = natsConnection_Subscribe(&raw, connection_.get(), subject.c_str(), &on_message, place.get());
    if (status != NATS_OK) {
      link_.handoff_.giver()->give(NatsNews{NatsNews::What::trouble, "subscribe " + subject + ": " + natsStatus_GetText(status)}, 0, true);
      return nullptr;
    }
    (void)natsSubscription_SetOnCompleteCB(raw, &on_place_done, place.release());
    (void)natsSubscription_SetPendingLimits(raw, -1, -1);  // ours is the Handoff's
    return Subscription(raw);
  }

  void operator()(const NatsMessage& command) {
    natsMsg* raw = nullptr;
    natsStatus status = natsMsg_Create(&raw, command.subject.c_str(), command.reply.empty() ? nullptr : command.reply.c_str(),
                                       command.data.data(), static_cast<int>(command.data.size()));
    const Message message(raw);
    for (const auto& [name, value] : command.headers)
      if (status == NATS_OK) status = natsMsgHeader_Set(raw, name.c_str(), value.c_str());
    if (status == NATS_OK) status = natsConnection_PublishMsg(connection_.get(), raw);
    if (status != NATS_OK)
      link_.handoff_.giver()->give(
          NatsNews{NatsNews::What::trouble, "publish " + command.subject + ": " + natsStatus_GetText(status)}, 0, true);
  }
  void operator()(const Subscribe& command) { subscriptions_[command.subject] = connection_ ? subscribe(command.subject) : nullptr; }
  void operator()(const Unsubscribe& command) { subscriptions_.erase(command.subject); }

  NatsLink& link_;
  UniqueFd credentials_;
  Connection connection_;
  std::map<std::string, Subscription> subscriptions_;
};

NatsLink::NatsLink(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks)
    : terms_(terms),
      handoff_(loop, {kInboxEventsMax, kInboxBytesMax},
               {.take =
                    [on_message = std::move(callbacks.on_message), on_news = std::move(callbacks.on_news)](Item item) {
                      if (auto* message = std::get_if<NatsMessage>(&item)) return on_message(std::move(*message));
                      on_news(std::move(std::get<NatsNews>(item)));
                    },
                .pause = std::move(callbacks.on_pause),
                .lost = std::move(callbacks.on_lost)}),
      thread_([this] { run(); }) {}

NatsLink::~NatsLink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

bool NatsLink::publish(NatsMessage message) {
  const std::size_t bytes = message.data.size();
  const std::lock_guard lock(mutex_);
  if (publishes_ == kOutboxEventsMax || bytes > kOutboxBytesMax - publish_bytes_) return false;
  ++publishes_;
  publish_bytes_ += bytes;
  commands_.emplace_back(std::move(message));
  wake_.notify_all();
  return true;
}

void NatsLink::enqueue(Command command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(std::move(command));
  wake_.notify_all();
}

void NatsLink::subscribe(std::string subject) { enqueue(Subscribe{std::move(subject)}); }
void NatsLink::unsubscribe(std::string subject) { enqueue(Unsubscribe{std::move(subject)}); }

void NatsLink::run() {
  Library library(*this);
  int failures = 0;
  for (std::unique_lock lock(mutex_); !stopping_;) {
    if (closed_) {
      lock.unlock();
      handoff_.giver()->give(NatsNews{NatsNews::What::lost, Library::last_error(library.connection_.get())}, 0, true);
      library.disconnect();
      lock.lock();
      continue;
    }
    if (!library.connection_) {
      lock.unlock();
      failures = library.connect() ? 0 : failures + 1;
      lock.lock();
      if (failures != 0) wake_.wait_for(lock, pause_after(failures - 1), [&] { return stopping_; });
      continue;
    }
    wake_.wait(lock, [&] { return stopping_ || closed_ || !commands_.empty(); });
    while (!stopping_ && !closed_ && !commands_.empty()) {
      const Command command = std::move(commands_.front());
      commands_.pop_front();
      if (const auto* message = std::get_if<NatsMessage>(&command)) {
        --publishes_;
        publish_bytes_ -= message->data.size();
      }
      lock.unlock();
      std::visit(library, command);
      lock.lock();
    }
  }
  library.disconnect();
  nats_ReleaseThreadMemory();
}

}  // namespace vs::pubsub
