"""The words in which dashboards.py describes dashboards, and how they become Grafana's JSON (schema version 39, Grafana 10 and later).

A panel without anything to show says 0, not "No data": zero() adds that to a query.
"""

import json
import pathlib

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # of Grafana's grid
RED, ORANGE, GREEN, BLUE = "red", "orange", "green", "blue"


def zero(expression, **labels):
    """`expression`, or 0 with these labels when there is nothing of it."""
    nothing = "vector(0)"
    for name, value in labels.items():
        nothing = f'label_replace({nothing}, "{name}", "{value}", "", "")'
    return f"{expression} or on() {nothing}"


def steps(*colours):
    """Thresholds: a colour, then pairs of a bound and the colour from there on."""
    made = [{"color": colours[0], "value": None}]
    for bound, colour in zip(colours[1::2], colours[2::2]):
        made.append({"color": colour, "value": bound})
    return {"mode": "absolute", "steps": made}


def targets(queries, instant=False, form="time_series"):
    made = []
    for number, (expression, legend) in enumerate(queries):
        made.append({"refId": chr(ord("A") + number), "datasource": SOURCE, "editorMode": "code", "expr": expression,
                     "legendFormat": legend, "instant": instant, "range": not instant, "format": form})
    return made


def panel(kind, title, unit, queries, help, width, height, options, custom=None, thresholds=None, **defaults):
    shown = {"unit": unit, "min": 0, "color": {"mode": "palette-classic"}, "thresholds": thresholds or steps(GREEN), "mappings": [],
             "custom": custom or {}, **defaults}
    return {"type": kind, "title": title, "description": help, "datasource": SOURCE, "gridPos": {"w": width, "h": height},
            "fieldConfig": {"defaults": {name: value for name, value in shown.items() if value is not None}, "overrides": []},
            "options": options, "targets": queries}


def stat(title, unit, expression, help, thresholds=None, width=4, legend="__auto", text="value", **defaults):
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value",
               "graphMode": "area" if text == "value" else "none", "justifyMode": "auto", "orientation": "auto", "textMode": text}
    made = panel("stat", title, unit, targets([(expression, legend)]), help, width, 4, options, thresholds=thresholds, **defaults)
    made["fieldConfig"]["defaults"]["color"] = {"mode": "thresholds"}
    return made


def graph(title, unit, *queries, help, width=12, stack=False, thresholds=None, **defaults):
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stack else 10, "showPoints": "never",
              "spanNulls": False, "stacking": {"mode": "normal" if stack else "none", "group": "A"},
              "axisSoftMin": 0, "thresholdsStyle": {"mode": "line" if thresholds else "off"}}
    options = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "max", "lastNotNull"]},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, unit, targets(queries), help, width, 8, options, custom, thresholds, **defaults)


def heatmap(title, expression, help, width=12):
    options = {"calculate": False, "yAxis": {"unit": "s", "axisPlacement": "left"}, "cellGap": 1, "cellValues": {"unit": "reqps"},
               "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64, "exponent": 0.5, "fill": "dark-orange", "reverse": False},
               "legend": {"show": True}, "tooltip": {"mode": "single", "yHistogram": True}, "rowsFrame": {"layout": "auto"}}
    return panel("heatmap", title, "s", targets([(expression, "{{le}}")], form="heatmap"), help, width, 8, options)


def table(title, unit, *queries, help, width=24, sort="Value"):
    """One row for each set of labels, and a column for each query; `queries` give name and expression."""
    made = panel("table", title, unit, targets([(expression, name) for name, expression in queries], instant=True, form="table"), help,
                 width, 9, {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort, "desc": True}]},
                 {"align": "auto", "filterable": True})
    names = {f"Value #{chr(ord('A') + number)}": name for number, (name, _) in enumerate(queries)}
    if len(queries) == 1:
        names = {"Value": queries[0][0]}
    made["transformations"] = [{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}}]
    return made


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def variable(name, label, query):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "sort": 1, "includeAll": True, "allValue": ".*", "multi": True,
            "current": {"text": ["All"], "value": ["$__all"]}, "hide": 0, "regex": "", "options": [], "skipUrlSync": False}


def dashboard(name, title, help, variables, panels):
    """Panels stand side by side as long as they fit."""
    x = y = height = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        one["id"] = number
        place.update(x=x, y=y)
        x += place["w"]
        height = max(height, place["h"])
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1, "hide": 0,
              "includeAll": False, "multi": False, "regex": "", "options": [], "current": {}, "skipUrlSync": False}
    links = {"type": "dashboards", "title": "VServices", "tags": ["vservices"], "asDropdown": True, "includeVars": True,
             "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}
    return {"uid": f"vservices-{name}", "title": f"VServices / {title}", "description": help, "tags": ["vservices"],
            "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"}, "timepicker": {}, "weekStart": "", "fiscalYearStartMonth": 0,
            "annotations": {"list": []}, "links": [links], "templating": {"list": [source, *variables]}, "panels": panels}


def text_of(made):
    return json.dumps(made, indent=1) + "\n"


def write(dashboards, directory):
    for made in dashboards:
        (pathlib.Path(directory) / (made["uid"].removeprefix("vservices-") + ".json")).write_text(text_of(made))
