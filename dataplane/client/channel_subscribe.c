/* Subscriptions on the program's side: how they begin, change, and end. What they ask of the node is in channel_subscription.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/channels.h"

static void free_subscription(struct vs_channel_subscription *subscription) {
  free(subscription->pattern);
  free(subscription->filter);
  for (size_t i = 0; i < VS_BATCHES_MAX; ++i) {
    vs_lent_event_return(subscription->device, &subscription->batches[i].lent);
    free(subscription->batches[i].record);
  }
  vs_ring_view_free(&subscription->ring);
  free(subscription);
}

void vs_subscriptions_free(struct vs_channels *channels) {
  while (channels->subscriptions != NULL) {
    struct vs_channel_subscription *one = channels->subscriptions;
    channels->subscriptions = one->next;
    free_subscription(one);
  }
}

/* What comes for it from now on is for nobody. */
static void take_out(struct vs_channels *channels, struct vs_channel_subscription *subscription) {
  struct vs_channel_subscription **link = &channels->subscriptions;
  while (*link != subscription) link = &(*link)->next;
  *link = subscription->next;
  for (size_t i = 0; i < VS_FLIGHTS_MAX; ++i)
    if (channels->flights[i].subscription == subscription) channels->flights[i].subscription = NULL;
}

/* Waits until the backend has it, or refuses it. */
static int wait_until_live(struct vs_channel_subscription *subscription, int64_t deadline_ms) {
  int status = 0;
  while (status == 0 && subscription->state != VS_SUBSCRIPTION_LIVE && subscription->state != VS_SUBSCRIPTION_ENDED)
    status = vs_channels_pump(subscription->device, deadline_ms, VS_PUMP_WAIT);
  return status != 0 || subscription->state == VS_SUBSCRIPTION_LIVE ? status : subscription->status;
}

int vs_channel_subscribe(struct vs_device *device, const struct vs_channel_options *options, int timeout_ms,
                         struct vs_channel_subscription **subscription) {
  const char *filter = options->filter != NULL ? options->filter : "";
  struct vs_channels *channels = NULL;
  *subscription = NULL;
  device->why[0] = '\0';
  if (options->pattern == NULL || strlen(options->pattern) > VS_CHANNEL_BYTES_MAX || options->overflow < 0 ||
      options->overflow > VS_PUBSUB_DISCONNECT_SLOW || (options->adapt & ~(VS_CHANNEL_ADAPT_LATEST | VS_CHANNEL_ADAPT_FEWER)) != 0)
    return -EINVAL;
  int status = vs_channels_of(device, &channels);
  if (status != 0) return status;
  size_t count = 0;
  for (const struct vs_channel_subscription *one = channels->subscriptions; one != NULL; one = one->next) ++count;
  struct vs_channel_subscription *made = count < VS_SUBSCRIPTIONS_MAX ? calloc(1, sizeof *made) : NULL;
  if (made == NULL) return -ENOMEM;
  made->device = device;
  made->options = *options;
  made->pattern = strdup(options->pattern);
  made->filter = strdup(filter);
  made->next = channels->subscriptions;
  channels->subscriptions = made;
  status = made->pattern != NULL && made->filter != NULL ? wait_until_live(made, vs_now_ms() + timeout_ms) : -ENOMEM;
  if (status != 0) {
    take_out(channels, made);
    free_subscription(made);
    return status;
  }
  *subscription = made;
  return 0;
}

int vs_channel_filter(struct vs_channel_subscription *subscription, const char *filter, int timeout_ms) {
  const char *text = filter != NULL ? filter : "";
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  char *kept = strdup(text);
  if (kept == NULL) return -ENOMEM;
  struct vs_pubsub_broadcast from = {0};
  struct vs_asked asked = {.body = (unsigned char *)&from, .body_max = sizeof from};
  int status;
  do { /* a backend that went meanwhile has it no more: the next is asked again */
    status = wait_until_live(subscription, deadline_ms);
    if (status != 0) break;
    const struct vs_pubsub_subscription named = {subscription->id};
    status = vs_channels_ask(subscription->device, VS_PUBSUB_FILTER, &named, sizeof named, text, strlen(text), deadline_ms, &asked);
  } while (status == -ECONNRESET);
  if (status != 0) {
    free(kept);
    return status;
  }
  if (asked.body_bytes == sizeof from && from.next != 0) subscription->ring.until = from.next;
  free(subscription->filter);
  subscription->filter = kept;
  return 0;
}

int vs_channel_unsubscribe(struct vs_channel_subscription *subscription, int timeout_ms) {
  struct vs_device *device = subscription->device;
  const bool live = subscription->state == VS_SUBSCRIPTION_LIVE;
  const struct vs_pubsub_subscription named = {subscription->id};
  take_out(device->channels, subscription);
  free_subscription(subscription);
  if (!live) return 0;
  struct vs_asked asked = {0};
  const int status =
      vs_channels_ask(device, VS_PUBSUB_UNSUBSCRIBE, &named, sizeof named, NULL, 0, vs_now_ms() + timeout_ms, &asked);
  return status == -ECONNRESET || status == -ENOENT ? 0 : status; /* gone is gone */
}
