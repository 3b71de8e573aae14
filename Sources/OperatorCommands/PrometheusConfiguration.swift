/// What Prometheus is told of the cluster of `homeostat up`.
enum PrometheusConfiguration {
    /// Pods are found by HTTP and relabelled as in any cluster: those with the annotation `prometheus.io/scrape: "true"`
    /// are scraped.
    ///
    /// - Parameter metricsURL: The cluster's own metrics.
    static func text(metricsURL: String) -> String {
        """
        global:
          scrape_interval: 2s
          scrape_timeout: 2s
        scrape_configs:
        - job_name: pods
          http_sd_configs:
          - url: \(metricsURL)/targets
            refresh_interval: 1s
          relabel_configs:
          - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
            action: keep
            regex: "true"
          # A pod that ended has no address to scrape, or one that belongs to another by now.
          - source_labels: [__meta_kubernetes_pod_phase]
            action: drop
            regex: Succeeded|Failed
          - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
            action: replace
            regex: (.+);(\\d+)
            replacement: $1:$2
            target_label: __address__
          - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
            action: replace
            regex: (.+)
            target_label: __metrics_path__
          - source_labels: [__meta_kubernetes_namespace]
            target_label: namespace
          - source_labels: [__meta_kubernetes_pod_name]
            target_label: pod
          - action: labelmap
            regex: __meta_kubernetes_pod_label_(homeostat_dev_.+|app|app_kubernetes_io_.+)
        - job_name: containers
          static_configs:
          - targets: ["\(metricsURL.dropFirst("http://".count))"]

        """
    }
}
