import HomeostatAPI
import JSON
import Kubernetes

extension ModelDeployment {
    /// A good object with every kind of step and metric.
    static let fixture = """
        {
          "apiVersion": "homeostat.dev/v1alpha1", "kind": "ModelDeployment",
          "metadata": {"name": "churn", "namespace": "shop", "generation": 3},
          "spec": {
            "model": {"name": "churn", "version": "2.1.3-20260901.1", "uri": "s3://models/churn/2.1.3"},
            "replicas": 4,
            "template": {"spec": {"containers": [{"name": "model", "image": "server:1", "args": ["--fast"]}]}},
            "service": {"port": 8000, "protocol": "HTTP"},
            "strategy": {"canary": {"steps": [
              {"name": "five", "setWeight": 5},
              {"name": "judge", "analysis": {"minDuration": "2m"}},
              {"name": "half", "setWeight": 50},
              {"name": "soak", "pause": {"duration": "10m"}},
              {"name": "ask", "pause": {}}
            ]}},
            "traffic": {"replicas": {}},
            "analysis": {
              "prometheus": {
                "address": "http://prometheus:9090",
                "auth": {"bearerToken": {"secretName": "prometheus", "key": "token"}}
              },
              "metrics": [
                {"name": "errors", "errorRate": {"total": "requests_total", "failed": "requests_total{code=~\\"5..\\"}"},
                 "sequential": {"margin": 2}},
                {"name": "slow", "latency": {"histogram": "request_duration_seconds"},
                 "threshold": {"p99": {"max": "500ms"}}},
                {"name": "score", "query": "avg(score{revision='{{revision}}'})", "threshold": {"min": 0.7}}
              ],
              "onNoData": "Rollback", "maxDuration": "1h30m"
            },
            "deletionPolicy": "Orphan"
          }
        }
        """

    /// The good object after a change of its JSON.
    static func fixture(_ change: (inout JSONValue) -> Void) throws -> ModelDeployment {
        var json = try JSONValue(parsing: fixture)
        change(&json)
        return try ModelDeployment(parsing: json.bytes())
    }
}
