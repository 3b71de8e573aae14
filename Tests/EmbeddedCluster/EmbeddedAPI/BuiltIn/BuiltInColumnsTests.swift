import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@Suite("Tables of built-in kinds")
struct BuiltInColumnsTests {
    /// 2026-01-02T00:00:00Z.
    private let now = Timestamp(seconds: 1_767_312_000)

    private func cells(_ resource: ResourceType, _ json: String) throws -> [String] {
        let cells = BuiltInColumns.cells(resource, try JSONValue(parsing: json), now: now)
        #expect(cells.count == BuiltInColumns.columns(resource).count)
        return cells.map { $0.string ?? $0.description }
    }

    @Test("every resource's line has as many cells as there are columns") func counts() {
        for definition in BuiltInResources.all {
            let columns = BuiltInColumns.columns(definition.type)
            #expect(BuiltInColumns.cells(definition.type, [:], now: now).count == columns.count)
            #expect(columns.contains { $0.name == "Name" })
        }
    }

    @Test("wide columns have a priority") func wide() {
        let columns = BuiltInColumns.columns(.pod)
        #expect(columns.filter { $0.priority == 0 }.map(\.name) == ["Name", "Ready", "Status", "Restarts", "Age"])
        let events = BuiltInColumns.columns(.event)
        #expect(
            events.filter { $0.priority == 0 }.map(\.name) == ["Last Seen", "Type", "Reason", "Object", "Message"]
        )
    }

    private static let podLines: [(status: String, meta: String, shown: [String])] = [
        (#""phase":"Pending""#, "", ["0/1", "Pending", "0"]),
        (
            #""phase":"Running","containerStatuses":[{"ready":true,"restartCount":2,"state":{"running":{}}}]"#, "",
            ["1/1", "Running", "2"]
        ),
        (
            """
            "phase":"Running","containerStatuses":[{"ready":false,"restartCount":3,
            "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]
            """, "", ["0/1", "CrashLoopBackOff", "3"]
        ),
        (
            """
            "phase":"Succeeded","containerStatuses":[{"ready":false,"restartCount":0,
            "state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]
            """, "", ["0/1", "Completed", "0"]
        ),
        (
            #""phase":"Failed","containerStatuses":[{"restartCount":0,"state":{"terminated":{"exitCode":3}}}]"#, "",
            ["0/1", "ExitCode:3", "0"]
        ),
        (
            #""phase":"Pending","initContainerStatuses":[{"restartCount":1,"state":{"running":{}}}]"#, "",
            ["0/1", "Init:0/1", "1"]
        ),
        (
            """
            "phase":"Pending","initContainerStatuses":[{"restartCount":1,"state":{"terminated":{"exitCode":1,
            "reason":"Error"}}}]
            """, "", ["0/1", "Init:Error", "1"]
        ),
        (#""phase":"Failed","reason":"Evicted""#, "", ["0/1", "Evicted", "0"]),
        (
            #""phase":"Running","containerStatuses":[{"ready":true,"restartCount":0,"state":{"running":{}}}]"#,
            #","deletionTimestamp":"2026-01-01T00:00:00Z""#, ["1/1", "Terminating", "0"]
        ),
    ]

    @Test("a pod's line says what its containers do", arguments: podLines)
    func pods(status: String, meta: String, shown: [String]) throws {
        let cells = try cells(
            .pod,
            """
            {"metadata":{"name":"a","creationTimestamp":"2026-01-01T23:54:57Z"\(meta)},
             "spec":{"containers":[{}],"initContainers":[{}],"nodeName":"n"},"status":{\(status)}}
            """
        )
        #expect(cells == ["a"] + shown + ["5m3s", "<none>", "n", "<none>", "<none>"])
    }

    @Test("a deployment's line has its numbers, and its containers when it is wide") func deployment() throws {
        let cells = try cells(
            .deployment,
            """
            {"metadata":{"name":"d","creationTimestamp":"2025-12-31T00:00:00Z"},"spec":{"replicas":3,
             "selector":{"matchLabels":{"b":"2","a":"1"},"matchExpressions":[{"key":"c","operator":"Exists"}]},
             "template":{"spec":{"containers":[{"name":"x","image":"i"},{"name":"y","image":"j"}]}}},
             "status":{"readyReplicas":2,"updatedReplicas":3,"availableReplicas":1}}
            """
        )
        #expect(cells == ["d", "2/3", "3", "1", "2d", "x,y", "i,j", "a=1,b=2,c"])
    }

    @Test("a service's line has its ports") func service() throws {
        let cells = try cells(
            .service,
            """
            {"metadata":{"name":"s","creationTimestamp":"2026-01-01T23:59:00Z"},"spec":{"type":"NodePort",
             "clusterIP":"10.0.0.1","ports":[{"port":80,"protocol":"TCP","nodePort":30080},{"port":53,
             "protocol":"UDP"}],"selector":{"a":"b"}}}
            """
        )
        #expect(cells == ["s", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP,53/UDP", "60s", "a=b"])
    }

    @Test("more than three addresses are counted") func endpoints() throws {
        let cells = try cells(
            .endpoints,
            """
            {"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"1.1.1.2"},{"ip":"1.1.1.3"},
             {"ip":"1.1.1.4"}],"ports":[{"port":80}]}]}
            """
        )
        #expect(cells == ["e", "1.1.1.1:80,1.1.1.2:80,1.1.1.3:80 + 1 more...", "<unknown>"])
    }

    @Test("a node's line has its roles and says that nothing is scheduled there") func node() throws {
        let cells = try cells(
            .node,
            """
            {"metadata":{"name":"n","creationTimestamp":"2026-01-01T00:00:00Z",
             "labels":{"node-role.kubernetes.io/master":"","kubernetes.io/role":"b"}},"spec":{"unschedulable":true},
             "status":{"conditions":[{"type":"Ready","status":"True"}],
             "addresses":[{"type":"InternalIP","address":"1.2.3.4"}],"nodeInfo":{"kubeletVersion":"v1"}}}
            """
        )
        #expect(
            cells == [
                "n", "Ready,SchedulingDisabled", "b,master", "24h", "v1", "1.2.3.4", "<none>", "<unknown>",
                "<unknown>", "<unknown>",
            ]
        )
    }

    @Test("an autoscaler's line has present and wanted values") func autoscaler() throws {
        let resource = ResourceType(
            group: "autoscaling",
            version: "v2",
            kind: "HorizontalPodAutoscaler",
            plural: "horizontalpodautoscalers"
        )
        let cells = try cells(
            resource,
            """
            {"metadata":{"name":"h"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},"minReplicas":1,
             "maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization",
             "averageUtilization":50}}}]},"status":{"currentReplicas":2,
             "currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":20}}}]}}
            """
        )
        #expect(cells == ["h", "Deployment/d", "20%/50%", "1", "3", "2", "<unknown>"])
    }

    @Test("an autoscaler of the old version shows the same") func oldAutoscaler() throws {
        let resource = ResourceType(
            group: "autoscaling",
            version: "v1",
            kind: "HorizontalPodAutoscaler",
            plural: "horizontalpodautoscalers"
        )
        let cells = try cells(
            resource,
            """
            {"apiVersion":"autoscaling/v1","metadata":{"name":"h"},"spec":{"scaleTargetRef":{"kind":"Deployment",
             "name":"d"},"maxReplicas":3,"targetCPUUtilizationPercentage":50},
             "status":{"currentCPUUtilizationPercentage":20}}
            """
        )
        #expect(cells == ["h", "Deployment/d", "20%/50%", "<unset>", "3", "0", "<unknown>"])
    }

    @Test("a series of events counts its first time too") func series() throws {
        let cells = try cells(
            .event,
            """
            {"metadata":{"name":"e"},"eventTime":"2026-01-01T23:59:00.000000Z",
             "series":{"count":2,"lastObservedTime":"2026-01-01T23:59:50.000000Z"}}
            """
        )
        #expect(cells[0] == "10s")
        #expect(cells[8] == "3")
    }

    @Test("an event that is not counted has happened once") func event() throws {
        let cells = try cells(
            .event,
            """
            {"metadata":{"name":"e"},"eventTime":"2026-01-01T23:59:30.000000Z","type":"Normal","reason":"R",
             "regarding":{"kind":"Pod","name":"p"},"note":" m ","reportingController":"c","reportingInstance":"i"}
            """
        )
        #expect(cells == ["30s", "Normal", "R", "pod/p", "", "c, i", "m", "30s", "1", "e"])
    }

    @Test(
        "ages have two units at most",
        arguments: [
            ("2026-01-02T00:00:00Z", "0s"), ("2026-01-02T00:00:05Z", "<invalid>"), ("2026-01-01T23:58:01Z", "119s"),
            ("2026-01-01T23:55:00Z", "5m"), ("2026-01-01T21:30:00Z", "150m"), ("2026-01-01T19:30:00Z", "4h30m"),
            ("2026-01-01T04:00:00Z", "20h"), ("2025-12-29T20:00:00Z", "3d4h"), ("2025-10-24T00:00:00Z", "70d"),
            ("2023-01-02T00:00:00Z", "3y1d"),
        ]
    )
    func ages(created: String, age: String) throws {
        let cells = try cells(.namespace, #"{"metadata":{"name":"n","creationTimestamp":"\#(created)"}}"#)
        #expect(cells[2] == age)
    }
}
