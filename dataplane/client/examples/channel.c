/* channel pub CHANNEL TEXT... | channel sub PATTERN [FILTER] [COUNT]: publishes events, or prints them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/vservice.h"

enum { kPatienceMs = 30 * 1000 };

static int fail(const struct vs_device *device, const char *what, int status) {
  const char *why = device != NULL ? vs_channel_why(device) : "";
  fprintf(stderr, "channel: %s: %s\n", what, *why != '\0' ? why : strerror(-status));
  return 1;
}

static int publish(struct vs_device *device, const char *channel, char **texts, int count) {
  for (int i = 0; i < count; ++i) {
    const struct vs_channel_event event = {
        .channel = channel, .content_type = "text/plain", .payload = texts[i], .payload_bytes = strlen(texts[i])};
    int status = vs_channel_publish(device, &event, 1, kPatienceMs);
    if (status < 0) return fail(device, channel, status);
  }
  int status = vs_channel_fsync(device, kPatienceMs); /* publishing only queued them */
  return status != 0 ? fail(device, channel, status) : 0;
}

static int subscribe(struct vs_device *device, const char *pattern, const char *filter, long count) {
  const struct vs_channel_options options = {.pattern = pattern, .filter = filter};
  struct vs_channel_subscription *subscription = NULL;
  int status = vs_channel_subscribe(device, &options, 5000, &subscription);
  if (status != 0) return fail(device, pattern, status);
  fprintf(stderr, "subscribed\n");
  for (long got = 0; count == 0 || got < count;) {
    const struct vs_channel_event *event = NULL;
    status = vs_channel_receive(subscription, 60 * 1000, &event);
    if (status < 0) return fail(device, pattern, status);
    if (status == 0) continue;
    if (event->missed != 0) printf("(%llu lost) ", (unsigned long long)event->missed);
    if (event->again) printf("(again) ");
    printf("%s %llu %.*s\n", event->channel, (unsigned long long)event->sequence, (int)event->payload_bytes,
           (const char *)event->payload);
    fflush(stdout);
    ++got;
  }
  return -vs_channel_unsubscribe(subscription, 5000);
}

int main(int argc, char **argv) {
  struct vs_device *device = NULL;
  if (argc < 3) return fail(NULL, "usage: channel pub CHANNEL TEXT... | sub PATTERN [FILTER] [COUNT]", 0);
  int status = vs_open("pubsub", "pubsub", 5000, &device);
  if (status != 0) return fail(NULL, "pubsub", status);
  int result = strcmp(argv[1], "pub") == 0
                   ? publish(device, argv[2], argv + 3, argc - 3)
                   : subscribe(device, argv[2], argc > 3 ? argv[3] : "", argc > 4 ? atol(argv[4]) : 0);
  vs_close(device);
  return result;
}
