#include "vsmgrd/api/api.h"

#include <utility>

#include "base/log.h"
#include "vsmgrd/api/listener.h"
#include "vsmgrd/api/routes.h"

namespace vs {

struct Api::Impl {
  Impl(const ApiOptions& options, Store& store, const Clock& clock, ApiHooks hooks)
      : counters(std::move(hooks.on_limit)),
        access(options.owner, options.access, [&store](std::string_view secret) { return store.tokens().find(secret); }, clock,
               [&store](const TokenUse& use) { return store.tokens().counts(use); }),
        refusals([&store](AuditEntry entry) { return store.audit().append(std::move(entry)); }, clock),
        background(store),
        dispatcher(http::make_router(store, background, std::move(hooks.metrics_text), std::move(hooks.live),
                                     std::move(hooks.policies), std::move(hooks.flush), std::move(hooks.placement),
                                     hooks.migrations, options.node),
                   access, clock,
                   std::move(hooks.on_request), &refusals) {}

  http::TransportCounters counters;
  http::Access access;
  http::RefusalLog refusals;
  bool remote = false;
  http::Background background;
  const http::Dispatcher dispatcher;
  std::unique_ptr<http::Listener> listener;  // last: it stops before what it calls goes
};

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Api::~Api() { stop(); }

Result<std::unique_ptr<Api>> Api::start(const ApiOptions& options, Store& store, const Clock& clock,
                                        ApiHooks hooks) {
  auto impl = std::make_unique<Impl>(options, store, clock, std::move(hooks));
  const auto handle = [dispatcher = &impl->dispatcher](http::Request request) {
    return dispatcher->handle(std::move(request));
  };
  if (options.server.metrics_address.find('/') == std::string::npos &&
      !options.server.metrics_address.empty() && !options.access.metrics_secret)
    return fail(ErrorCode::invalid, "the metrics listener on TCP needs a token");
  impl->remote = !options.server.remote_address.empty();
  auto listener = http::Listener::start(options.server, impl->counters, clock, handle);
  if (!listener) return fail(std::move(listener.error()));
  impl->listener = std::move(*listener);
  for (const auto channel : {http::Channel::local, http::Channel::local_read_only,
                             http::Channel::remote, http::Channel::metrics})
    if (const auto at = impl->listener->shown_address(channel); !at.empty())
      log::info("api.listening", {{"channel", name_of(channel)}, {"at", at}});
  return std::unique_ptr<Api>(new Api(std::move(impl)));
}

// Streams and waits first: they would hold up the requests that the listener waits for.
void Api::stop() {
  impl_->background.stop();
  if (impl_->listener) impl_->listener->stop();
}

Result<> Api::reload(http::AccessSettings access, const http::TlsFiles& tls) {
  if (impl_->remote)
    if (auto loaded = impl_->listener->reload_tls(tls); !loaded) return loaded;
  impl_->access.reload(std::move(access));
  return {};
}

std::string Api::shown_address(http::Channel channel) const {
  return impl_->listener->shown_address(channel);
}

std::vector<Sample> Api::samples() const {
  std::vector<Sample> samples = impl_->counters.samples();
  for (Sample& sample : impl_->access.samples()) samples.push_back(std::move(sample));
  for (Sample& sample : impl_->background.feed.samples()) samples.push_back(std::move(sample));
  for (Sample& sample : impl_->refusals.samples()) samples.push_back(std::move(sample));
  return samples;
}

}  // namespace vs
